"""Adam over weights in any memory layout."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Adam(torch.optim.Adam):
    """PyTorch's fused Adam with its default betas, which copies nothing whatever the layout.

    PyTorch's own step copies weights whose channels lie beside each other, their gradients and both
    moments. Adam takes each number for itself: here the kernel gets views of all of these in the order
    of their memory. The numbers are the same to the bit.

    Parameters
    ----------
    model
        Its weights are changed in place, and must not be laid out anew afterwards.
    learning_rate
        Positive.
    """

    def __init__(self, model: nn.Module, learning_rate: float) -> None:
        self._weights = [(weight, memory_order(weight)) for weight in model.parameters()]
        views = [weight.detach().permute(order) for weight, order in self._weights]
        super().__init__(views, lr=learning_rate, fused=True)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the weights, and of their views."""
        super().zero_grad(set_to_none)
        for weight, _ in self._weights:
            weight.grad = None

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take a step along the gradients of the weights."""
        for (weight, order), view in zip(
            self._weights, self.param_groups[0]["params"], strict=True
        ):
            view.grad = None if weight.grad is None else weight.grad.permute(order)
        taken: float | None = super().step(closure)
        return taken


def memory_order(tensor: Tensor) -> tuple[int, ...]:
    """Return the dimensions of a tensor from the largest stride to the smallest."""
    return tuple(sorted(range(tensor.ndim), key=tensor.stride, reverse=True))
