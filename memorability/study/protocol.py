"""A protocol: the named choices of how a run is made.

The paper's text and the scripts published with it disagree in many places; each disagreement is one
field here, with one word per side. Presets are YAML files in `protocols/`, one choice per line; a
preset may extend another and then holds only what differs.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args, get_type_hints

import yaml

from memorability.base.errors import InputError, nearest
from memorability.base.text import refuse_doubled_keys
from memorability.images.sizes import Resize


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How images are prepared, which network is trained, from where and in which order.

    Parameters
    ----------
    resize
        `squash`: to 224 × 224 whatever the aspect ("All the images were resized to 224x224 pixels",
        Methods). `center_crop`: short side to 224, then the central square (published scripts).
    bottleneck
        `conv7x7`: the latent is the flattened 7 × 7 × 512 map of the last pooling, 25,088 numbers
        (published checkpoint). `fc4096`: two fully connected layers of 4096 with ReLU and dropout
        follow it (Methods, "Model development"); the text does not say how the decoder returns
        from 4096 to the map, so a third linear layer is ours.
    decoder
        `upsample_conv`: per stage one transposed convolution and the mirrored 3 × 3 convolutions
        (published checkpoint). `transposed12`: twelve transposed convolutions (Methods).
    batch_norm
        Whether convolutions are followed (decoder: preceded) by batch normalisation. The text is
        silent; the published checkpoint has it everywhere.
    initial_weights
        `checkpoint`: the ImageNet autoencoder that the paper names, loaded strictly.
        `checkpoint_as_scripted`: the same file, loaded as the published scripts do, which is, for
        the published file, not at all: its keys have a prefix that the network's do not have, and
        the scripts ignore what does not match. `vgg16_encoder`: the convolutions of torchvision's
        ImageNet VGG16 (with `fc4096` its first two linear layers too) in the encoder, the rest
        random. `pretrain`: the autoencoder is first trained on a folder of images (`pretraining`
        in the configuration). `random`.
    batch_norm_mode
        `train`: each image's own statistics while fine-tuning, running averages at evaluation
        (published scripts; at batch size 1 those averages reflect the last few dozen images).
        `train_then_recompute`: the averages are recomputed over the images of fine-tuning before
        evaluation.
        `frozen`: the averages of the initial weights throughout.
        `evaluate_as_trained`: each image's own statistics while fine-tuning and when its error is
        measured, so that errors are those that fine-tuning minimises. Latents, and what is predicted
        from them, use the running averages, as with `train`. It needs `batch_norm`.
    order
        Presentation order of the images. `listed`: as the image table lists them, category after
        category (published scripts). `fixed_shuffle`: one shuffled order for every run of the
        study. `seed_shuffle`: shuffled by the run's seed, the same for every loss and learning
        rate ("the order of images ... was maintained across all experiments").
    lpips_range
        `minus_one_to_one`: what LPIPS is defined on. `zero_to_one`: what the published scripts
        feed.
    lpips_sign_train, lpips_sign_test
        What fine-tuning minimises and what is the error, where the loss is LPIPS. `distance`.
        `one_minus`: 1 − LPIPS, as in the published scripts, which treat LPIPS like the similarity
        SSIM: minimising it maximises the distance, and as an error it falls with the distance
        (named "<loss>_one_minus"). For SSIM itself one minus is the distance; nothing changes.
    style_gram
        Gram matrices of the style loss. `gatys5`: of five convolutions, normalised ("StyLoss", citing
        Gatys et al. 2015). `gatys5_relu`: likewise, after the ReLU behind each of them, as in Gatys et
        al. `pool5`: one of the last pooling, not normalised (published scripts).
    fine_tuned_on
        `all`: every image, also those that the predictor is tested on (text and scripts).
        `train_split`: the training images of `prediction.split` alone (first version of the
        scripts). Errors are measured on all images either way.
    seed_varies
        What differs between runs that differ in their seed, as far as another choice leaves it to
        chance. `everything`: presentation order (`seed_shuffle`), initial weights (`random`) and
        dropout (`fc4096`). `order`, `initial_weights`: this alone; the rest is that of seed 0.
    sweep
        `fresh`: every run starts from the initial weights. `carried_over`: only the first run of a
        seed does; each other one continues with the weights of the one before, learning rates
        within losses in the order of the configuration (published scripts, first version: thirteen
        learning rates of eight losses, one after the other, on one model).
    """

    resize: Resize
    bottleneck: Literal["conv7x7", "fc4096"]
    decoder: Literal["upsample_conv", "transposed12"]
    batch_norm: bool
    initial_weights: Literal[
        "checkpoint", "checkpoint_as_scripted", "vgg16_encoder", "pretrain", "random"
    ]
    batch_norm_mode: Literal["train", "train_then_recompute", "frozen", "evaluate_as_trained"]
    order: Literal["listed", "fixed_shuffle", "seed_shuffle"]
    lpips_range: Literal["minus_one_to_one", "zero_to_one"]
    lpips_sign_train: Literal["distance", "one_minus"]
    lpips_sign_test: Literal["distance", "one_minus"]
    style_gram: Literal["gatys5", "gatys5_relu", "pool5"]
    fine_tuned_on: Literal["all", "train_split"]
    seed_varies: Literal["everything", "order", "initial_weights"]
    sweep: Literal["fresh", "carried_over"]

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in fields(self):
            value, allowed = getattr(self, field.name), get_args(hints[field.name]) or (True, False)
            if value not in allowed or isinstance(value, bool) != isinstance(allowed[0], bool):
                raise InputError(
                    f"Protocol choice {field.name}: {value!r} is unknown "
                    f"({nearest(str(value), map(str, allowed))}). Change it in the protocol's file."
                )
        if self.batch_norm_mode == "evaluate_as_trained" and not self.batch_norm:
            raise InputError(
                "Protocol choice batch_norm_mode: evaluate_as_trained is about batch normalisation, "
                "but batch_norm is false and the network has none. Set batch_norm: true, or "
                "batch_norm_mode: train, in the protocol's file."
            )

    def choices(self) -> dict[str, str | bool]:
        """Return the choices as a plain dictionary, for run records and job parameters."""
        return asdict(self)

    @property
    def seeded(self) -> tuple[str, ...]:
        """What runs that differ in their seed differ in; empty if they are one run made again."""
        chance = {
            "order": self.order == "seed_shuffle",
            "initial_weights": self.initial_weights not in ("checkpoint", "pretrain"),
            "dropout": self.bottleneck == "fc4096",
        }
        return tuple(name for name, left in chance.items() if left and self._varies(name))

    @property
    def seeded_before_training(self) -> tuple[str, ...]:
        """What of `seeded` already shows in a run's errors before its first step.

        Order and dropout do so in the running averages of batch normalisation alone.
        """
        averages = self.batch_norm and self.batch_norm_mode == "train"
        return tuple(name for name in self.seeded if averages or name == "initial_weights")

    def stream_seeds(self, seed: int) -> dict[str, int]:
        """Return the seed of each random stream of a run: its own where it may vary, else 0."""
        streams = ("order", "initial_weights", "dropout")
        return {stream: seed if self._varies(stream) else 0 for stream in streams}

    def _varies(self, stream: str) -> bool:
        return self.seed_varies in ("everything", stream)


def load_protocol(name: str, directory: Path) -> Protocol:
    """Read the protocol `name` from `directory`/`name`.yaml, following `extends`.

    Raises
    ------
    InputError
        If a file is missing, a protocol extends itself, a choice is unknown, missing or not one of
        its words.
    """
    choices = _read_choices(name, directory, ())
    known = {field.name for field in fields(Protocol)}
    for choice in choices:
        if choice not in known:
            raise InputError(
                f"Protocol {name!r} has the unknown choice {choice!r} "
                f"({nearest(choice, known)}). Correct protocols/{name}.yaml."
            )
    missing = sorted(known - set(choices))
    if missing:
        raise InputError(
            f"Protocol {name!r} leaves {', '.join(missing)} undecided. "
            f"Add them to protocols/{name}.yaml, or let it extend a preset."
        )
    return Protocol(**choices)  # type: ignore[arg-type]  # words are checked by Protocol itself


def _read_choices(name: str, directory: Path, below: tuple[str, ...]) -> dict[str, object]:
    path = directory / f"{name}.yaml"
    if name in below:
        raise InputError(
            f"Protocol {name!r} extends itself ({' -> '.join((*below, name))}). "
            f"Remove one `extends` line in protocols/."
        )
    if not path.is_file():
        presets = (file.stem for file in directory.glob("*.yaml"))
        raise InputError(
            f"Protocol {name!r} is not in {directory.name}/ ({nearest(name, presets)}). "
            f"Name an existing one or write {directory.name}/{name}.yaml."
        )
    try:
        refuse_doubled_keys(path)
        choices = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(
            f"{directory.name}/{name}.yaml is not YAML: {error}. Correct it."
        ) from error
    if not isinstance(choices, dict):
        raise InputError(f"{directory.name}/{name}.yaml holds no choices. Write one per line.")
    base = choices.pop("extends", None)
    inherited = _read_choices(base, directory, (*below, name)) if base else {}
    return inherited | choices
