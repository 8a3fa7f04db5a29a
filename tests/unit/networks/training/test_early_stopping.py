"""Early stopping: by hand, and as the whole list of losses says it."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memorability.networks.training.early_stopping import EarlyStopping


def trained(losses: list[float], patience: int) -> tuple[int, float]:
    """Return how many epochs a training with these losses takes, and which epoch's weights it keeps."""
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(network.weight, 0)
    stopping, epoch = EarlyStopping(network, patience), 0
    for epoch, loss in enumerate(losses, start=1):
        torch.nn.init.constant_(network.weight, epoch)
        if stopping.ends(loss):
            break
    stopping.restore()
    return epoch, network.weight.item()


def test_a_training_ends_after_so_many_epochs_without_a_lower_loss() -> None:
    # The second 2.0 is not lower; epochs 5 and 6 bring nothing.
    assert trained([3.0, 2.0, 2.0, 1.0, 1.5, 1.0, 0.5], patience=2) == (6, 4)
    assert trained([3.0, 2.0, 2.0, 1.0], patience=1) == (3, 2)
    assert trained([1.0, 0.5, 0.4], patience=1) == (3, 3)


@pytest.mark.parametrize("behind", [0, 1, 2, 3, 4, 5])
def test_a_training_that_is_taken_up_ends_where_it_would_have_ended(behind: int) -> None:
    losses = [3.0, 2.0, 2.5, 1.0, 1.5, 1.0]
    network = torch.nn.Linear(1, 1, bias=False)
    whole = EarlyStopping(network, 2)
    for epoch, loss in enumerate(losses[:behind], start=1):
        torch.nn.init.constant_(network.weight, epoch)
        assert not whole.ends(loss)
    weights = whole.weights if behind else None
    taken_up = EarlyStopping(network, 2, losses=losses[:behind], weights=weights)
    for epoch, loss in enumerate(losses[behind:], start=behind + 1):
        torch.nn.init.constant_(network.weight, epoch)
        ended = taken_up.ends(loss)
    assert ended
    assert EarlyStopping(network, 2, losses=losses, weights=taken_up.weights).over
    taken_up.restore()
    assert network.weight.item() == 4


def test_losses_that_are_no_numbers_are_never_the_best() -> None:
    assert trained([math.nan, 2.0, math.nan, math.nan], patience=2) == (4, 2)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(1, 4))
def test_epochs_and_weights_are_those_of_a_look_at_all_losses(
    losses: list[int], patience: int
) -> None:
    # The first epoch is the best so far; an epoch is the last if the best is `patience` epochs ago.
    firsts = [losses.index(min(losses[:epoch])) + 1 for epoch in range(1, len(losses) + 1)]
    ends = [epoch for epoch, best in enumerate(firsts, start=1) if epoch - best >= patience]
    last = min([*ends, len(losses)])
    assert trained([float(loss) for loss in losses], patience) == (last, firsts[last - 1])
