"""Early stopping: a training ends when its validation loss has not fallen for some epochs."""

import copy
import math
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
    """

    def __init__(self, network: nn.Module, patience: int) -> None:
        self._network = network
        self._patience = patience
        self._best_loss = math.inf
        self._epochs_since = 0
        self._weights: dict[str, Any] = network.state_dict()

    def ends(self, validation_loss: float) -> bool:
        """Take note of the loss of one more epoch and return whether it was the last."""
        if validation_loss < self._best_loss:
            self._best_loss, self._epochs_since = validation_loss, 0
            self._weights = copy.deepcopy(self._network.state_dict())
        else:
            self._epochs_since += 1
        return self._epochs_since >= self._patience

    def restore(self) -> None:
        """Give the network the weights of its best epoch; without any loss it keeps its own."""
        self._network.load_state_dict(self._weights)
