import torch
from torch import nn

from memorability.prediction.predictors.perceptron import Predictor


def make_predictor(seed: int = 0) -> Predictor:
    return Predictor(6, hidden=(5, 4), dropout=0.3, seed=seed)


def test_layers_are_linear_norm_relu_dropout_and_a_linear_output() -> None:
    layers = list(make_predictor().layers)
    hidden = [nn.Linear, nn.LayerNorm, nn.ReLU, nn.Dropout]
    assert [type(layer) for layer in layers] == [*hidden, *hidden, nn.Linear]
    shapes = [tuple(layer.weight.shape) for layer in layers if isinstance(layer, nn.Linear)]
    assert shapes == [(5, 6), (4, 5), (1, 4)]
    assert all(layer.p == 0.3 for layer in layers if isinstance(layer, nn.Dropout))


def test_published_architecture_has_the_parameters_counted_by_hand() -> None:
    model = Predictor(100, hidden=(1024, 512), dropout=0.3, seed=0)
    expected = (100 * 1024 + 3 * 1024) + (1024 * 512 + 3 * 512) + (512 + 1)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_output_is_one_score_per_latent_even_for_a_single_latent() -> None:
    model = make_predictor().eval()
    assert model(torch.zeros(7, 6)).shape == (7,)
    assert model(torch.zeros(1, 6)).shape == (1,)


def test_output_is_not_squashed_into_the_unit_interval() -> None:
    model = make_predictor().eval()
    with torch.no_grad():
        model.layers[-1].bias.fill_(7.0)
    assert (model(torch.zeros(2, 6)) > 1).all()


def test_weights_follow_the_seed_and_nothing_else() -> None:
    torch.manual_seed(1)
    first = make_predictor().state_dict()
    torch.manual_seed(2)
    second = make_predictor().state_dict()
    other = make_predictor(seed=1).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["layers.0.weight"], other["layers.0.weight"])


def test_construction_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    make_predictor()
    assert torch.equal(torch.get_rng_state(), before)
