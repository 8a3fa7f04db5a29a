"""The arithmetic of fine-tuning and evaluation: multiply-adds and bytes of an image, layer by layer.

Networks are followed with shapes alone, on PyTorch's meta device: nothing is computed. Counted are the
layers of autoencoder and loss networks, the Gaussian windows of SSIM, Gram matrices and Adam's step;
not the arithmetic between them (differences, means, normalised feature maps, copies between memory
layouts), so that bytes are the least that layers which are not fused must move.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from memorability.autoencoder.architecture import Autoencoder
from memorability.autoencoder.stored_targets import shape_of_image, shapes_of
from memorability.images.sizes import SIDE
from memorability.networks.computing import DTYPES
from memorability.networks.losses import SSIM, MultiScaleSSIM, NetworkLoss, StyleLoss

ADAM_PASSES = 7  # reads weight, gradient and two moments; writes weight and moments
WINDOW = 11  # pixels of SSIM's Gaussian window
SCALES = 5  # of MS-SSIM


@dataclass(frozen=True)
class Work:
    """What a computation costs, whatever machine makes it.

    Attributes
    ----------
    multiply_adds
        Of convolutions and matrix products.
    maps
        Values of images and feature maps, and of their gradients, that are read and written.
    parameters
        Values of weights, their gradients and Adam's moments that are read and written.
    """

    multiply_adds: int = 0
    maps: int = 0
    parameters: int = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.multiply_adds + other.multiply_adds,
            self.maps + other.maps,
            self.parameters + other.parameters,
        )

    def __mul__(self, times: int) -> "Work":
        return Work(times * self.multiply_adds, times * self.maps, times * self.parameters)

    @property
    def flops(self) -> int:
        """Floating-point operations: two of a multiply-add."""
        return 2 * self.multiply_adds

    def bytes(self, precision: str = "fp32") -> int:
        """Bytes moved, feature maps being in a precision of `memorability.networks.computing`."""
        return DTYPES[precision].itemsize * self.maps + 4 * self.parameters


@dataclass(frozen=True)
class Layer:
    """A layer at work on one image.

    Attributes
    ----------
    kind
        Name of its class.
    multiply_adds
        Of its forward pass; the gradient of its input takes as many, and that of its weights.
    inputs, outputs, parameters
        Numbers of values.
    """

    kind: str
    multiply_adds: int
    inputs: int
    outputs: int
    parameters: int

    @property
    def forward(self) -> Work:
        """From input to output. Batch normalisation reads its input twice: statistics come first."""
        reads = 2 if self.kind == "BatchNorm2d" else 1
        return Work(self.multiply_adds, reads * self.inputs + self.outputs, self.parameters)

    @property
    def input_gradient(self) -> Work:
        """From the gradient of the output to that of the input."""
        if self.multiply_adds:
            return Work(self.multiply_adds, self.inputs + self.outputs, self.parameters)
        passes = 2 if self.kind == "BatchNorm2d" else 1  # sums over the image come first
        return Work(0, passes * (self.inputs + self.outputs) + self.inputs, self.parameters)

    @property
    def weight_gradient(self) -> Work:
        """From input and gradient of the output to that of the weights."""
        if self.multiply_adds:
            return Work(self.multiply_adds, self.inputs + self.outputs, self.parameters)
        return Work(parameters=self.parameters)  # of the same passes as the input's


def total(works: Iterable[Work]) -> Work:
    """Return the sum of all."""
    return sum(works, Work())


@dataclass(frozen=True)
class LossWork:
    """The work of a loss on one image and its reconstruction.

    Attributes
    ----------
    describe
        What its network makes of the image itself; nothing where that is stored.
    compare
        From the reconstruction to the loss.
    gradient
        From the loss to the gradient of the reconstruction.
    """

    describe: Work
    compare: Work
    gradient: Work


def autoencoder_layers(model: Autoencoder) -> list[Layer]:
    """Return the layers of an autoencoder at work on one image of 224 × 224 pixels."""
    model = shapes_of(model)
    return _layers_of(model, lambda: model(shape_of_image()))


def encoder_layers(model: Autoencoder) -> list[Layer]:
    """Return those of its encoder alone."""
    model = shapes_of(model)
    return _layers_of(model, lambda: model.encode(shape_of_image()))


def loss_work(loss: nn.Module, *, stored: bool = False) -> LossWork:
    """Return the work of a loss on one image of 224 × 224 pixels.

    Parameters
    ----------
    loss
        As from `memorability.networks.losses.make_loss`.
    stored
        Whether its targets are, see `memorability.autoencoder.stored_targets`.
    """
    if isinstance(loss, SSIM | MultiScaleSSIM):
        return _windows(SCALES if isinstance(loss, MultiScaleSSIM) else 1)
    if not isinstance(loss, NetworkLoss):
        return LossWork(Work(), Work(), Work())
    loss = shapes_of(loss)
    described = loss.describe(shape_of_image())
    own = _layers_of(loss, lambda: loss.describe(shape_of_image()))
    layers = _layers_of(loss, lambda: loss.compare(described, shape_of_image()))
    gram = _gram(loss, own, described) if isinstance(loss, StyleLoss) else Work()
    return LossWork(
        describe=Work() if stored else forward(own) + gram,
        compare=forward(layers) + gram,
        # A Gram matrix is a product of the maps with themselves: each factor has a gradient.
        gradient=total(layer.input_gradient for layer in layers) + gram * 2,
    )


def forward(layers: Iterable[Layer]) -> Work:
    """Return the work of a pass through layers."""
    return total(layer.forward for layer in layers)


def training_step(layers: Sequence[Layer], loss: LossWork) -> Work:
    """Return the work of fine-tuning an autoencoder on one image: both passes and Adam's step.

    The gradient of the first layer's input, which is the image, is not needed.
    """
    gradients = total(layer.weight_gradient for layer in layers)
    gradients += total(layer.input_gradient for layer in layers[1:])
    adam = Work(parameters=ADAM_PASSES * sum(layer.parameters for layer in layers))
    return evaluation(layers, loss) + loss.gradient + gradients + adam


def evaluation(layers: Sequence[Layer], loss: LossWork) -> Work:
    """Return the work of measuring the error of one image."""
    return loss.describe + forward(layers) + loss.compare


def attribution_step(layers: Sequence[Layer]) -> Work:
    """Return the work of one point of Integrated Gradients: the encoder, and back to the image."""
    return forward(layers) + total(layer.input_gradient for layer in layers)


def _layers_of(network: nn.Module, run: Callable[[], object]) -> list[Layer]:
    """Return the layers that are at work while `run` runs."""
    found: list[Layer] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append(
            Layer(
                type(module).__name__,
                _multiply_adds(module, inputs[0], output),
                inputs[0].numel(),
                output.numel(),
                sum(parameter.numel() for parameter in module.parameters()),
            )
        )

    leaves = [module for module in network.modules() if not list(module.children())]
    handles = [module.register_forward_hook(note) for module in leaves]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return found


def _multiply_adds(module: nn.Module, inputs: Tensor, output: Tensor) -> int:
    """Return those of one layer: each weight once per position, of the output or, transposed, input."""
    if isinstance(module, nn.Linear):
        return module.weight.numel() * inputs.numel() // module.in_features
    if isinstance(module, nn.ConvTranspose2d):
        return module.weight.numel() * inputs.numel() // module.in_channels
    if isinstance(module, nn.Conv2d):
        return module.weight.numel() * output.numel() // module.out_channels
    return 0


def _gram(loss: StyleLoss, layers: Sequence[Layer], matrices: Sequence[Tensor]) -> Work:
    """Return the work of the Gram matrices (1, C, C) of the feature maps that a style loss takes."""
    taken = layers[-1:] if loss.published_scripts else [layers[index] for index in loss.compared]
    return total(
        Work(matrix.shape[-1] * layer.outputs, 2 * layer.outputs + matrix.numel())
        for layer, matrix in zip(taken, matrices, strict=True)
    )


def _windows(scales: int) -> LossWork:
    """Return the work of SSIM's windows on an image that is halved between scales.

    Windows run over rows, then columns, and stay inside the image. Image x, reconstruction y, x², y²
    and xy are blurred; back, the gradients of y, y² and xy.
    """
    blur = Work()
    for scale in range(scales):
        side = SIDE >> scale
        inside = side - WINDOW + 1
        rows, both = 3 * inside * side, 3 * inside**2
        blur += Work(WINDOW * (rows + both), 3 * side**2 + 2 * rows + both)
    return LossWork(describe=Work(), compare=blur * 5, gradient=blur * 3)
