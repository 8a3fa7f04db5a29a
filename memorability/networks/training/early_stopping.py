"""Early stopping: a training ends when its validation loss has not fallen for some epochs."""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn


class EarlyStopping:
    """The weights of the epoch of lowest validation loss, and whether to go on.

    Parameters
    ----------
    network
        What is trained; its weights are copied after each epoch that is better than all before.
    patience
        After how many epochs without a lower loss to stop, at least 1.
    losses, weights
        Of a training that is taken up: the losses of the epochs that are behind it, and the weights
        of the best of these.
    """

    def __init__(
        self,
        network: nn.Module,
        patience: int,
        *,
        losses: Sequence[float] = (),
        weights: Mapping[str, Any] | None = None,
    ) -> None:
        self._network = network
        self._patience = patience
        self._best_loss = math.inf
        self._epochs_since = 0
        for loss in losses:
            self._is_best(loss)
        self.weights: Mapping[str, Any] = weights or network.state_dict()

    @property
    def over(self) -> bool:
        """Whether the last epoch was the last one."""
        return self._epochs_since >= self._patience

    def ends(self, validation_loss: float) -> bool:
        """Take note of the loss of one more epoch and return whether it was the last."""
        if self._is_best(validation_loss):
            self.weights = copy.deepcopy(self._network.state_dict())
        return self.over

    def restore(self) -> None:
        """Give the network the weights of its best epoch; without any loss it keeps its own."""
        self._network.load_state_dict(self.weights)

    def _is_best(self, loss: float) -> bool:
        if loss < self._best_loss:
            self._best_loss, self._epochs_since = loss, 0
            return True
        self._epochs_since += 1
        return False
