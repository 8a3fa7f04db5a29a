import numpy as np
import pytest
import torch
from torch import nn

from memorability.explanation.checks import RANDOMISED
from memorability.explanation.network import ScoreNetwork, randomised
from memorability.images.pixels import to_unit_range
from tests.unit.explanation.problems import problem, small_model, small_predictor


def test_a_folded_network_scores_as_the_models_do() -> None:
    model, predictor = small_model(), small_predictor()
    images = to_unit_range(problem()[0], "cpu")
    network = ScoreNetwork(model, predictor, "cpu")
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    with torch.no_grad():
        expected = predictor.score(model.encode(images))
    torch.testing.assert_close(network(images), expected, atol=1e-6, rtol=1e-5)
    assert expected.std() > 1e-3, "the images differ in their scores"


def test_a_network_is_frozen_and_leaves_the_models_alone() -> None:
    model, predictor = small_model().train(), small_predictor()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    network = ScoreNetwork(model, predictor, "cpu")
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not any(module.training for module in network.modules())
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    network(torch.rand(1, 3, 32, 32))
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], atol=0, rtol=0)


@pytest.mark.parametrize("part", RANDOMISED)
def test_randomised_parts_are_drawn_by_the_seed_and_others_stay(part: str) -> None:
    model, predictor, (pixels, _, _) = small_model(), small_predictor(), problem()
    own = ScoreNetwork(model, predictor, "cpu").state_dict()

    def drawn(seed: int, draw: int = 0) -> dict[str, torch.Tensor]:
        made = randomised(model, predictor, part, pixels[:4], seed=seed, draw=draw, device="cpu")
        return made.state_dict()

    first = drawn(0)
    for name, value in drawn(0).items():
        torch.testing.assert_close(value, first[name], atol=0, rtol=0)
    for other in (drawn(1), drawn(0, draw=1)):
        weights = [each["predictor.layers.0.weight"] for each in (other, first)]
        assert not torch.equal(*weights)
    changed = {name.split(".")[0] for name in own if not torch.equal(own[name], first[name])}
    assert changed == {"predictor"} | ({"first", "encoder"} if "encoder" in part else set())


def test_a_random_encoder_still_tells_images_apart() -> None:
    pixels = problem()[0]
    network = randomised(
        small_model(), small_predictor(), "encoder_and_predictor", pixels[:4],
        seed=0, draw=0, device="cpu",
    )  # fmt: skip
    scores = network(to_unit_range(pixels, "cpu")).numpy()
    assert np.isfinite(scores).all()
    assert scores.std() > 1e-4
