"""Protocols: presets, inheritance and what a mistaken file is answered with."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from memorability.base.errors import InputError
from memorability.study.protocol import load_protocol

PRESETS = Path(__file__).parents[3] / "protocols"
PAPER: dict[str, str | bool] = {
    "resize": "squash",
    "bottleneck": "conv7x7",
    "decoder": "upsample_conv",
    "batch_norm": True,
    "initial_weights": "checkpoint",
    "batch_norm_mode": "train",
    "order": "seed_shuffle",
    "lpips_range": "minus_one_to_one",
    "lpips_sign_train": "distance",
    "lpips_sign_test": "distance",
    "style_gram": "gatys5",
    "fine_tuned_on": "all",
    "seed_varies": "everything",
    "sweep": "fresh",
}
WHOLE = "\n".join(f"{choice}: {word}" for choice, word in PAPER.items())


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write protocols, name -> YAML text, and return their directory."""

    def write_files(**texts: str) -> Path:
        directory = tmp_path / "protocols"
        directory.mkdir()
        for name, text in texts.items():
            (directory / f"{name}.yaml").write_text(text)
        return directory

    return write_files


@pytest.mark.parametrize(
    ("name", "differences"),
    [
        ("paper", {}),
        (
            "released",
            {
                "resize": "center_crop",
                "initial_weights": "checkpoint_as_scripted",
                "order": "listed",
                "lpips_range": "zero_to_one",
                "lpips_sign_train": "one_minus",
                "lpips_sign_test": "one_minus",
                "style_gram": "pool5",
                "seed_varies": "initial_weights",
                "sweep": "carried_over",
            },
        ),
        (
            "recommended",
            {
                "order": "fixed_shuffle",
                "batch_norm_mode": "train_then_recompute",
                "style_gram": "gatys5_relu",
            },
        ),
        (
            "paper_text",
            {
                "bottleneck": "fc4096",
                "decoder": "transposed12",
                "batch_norm": False,
                "initial_weights": "random",
            },
        ),
        ("untrained_start", {"initial_weights": "random"}),
        ("pretrained_start", {"initial_weights": "pretrain"}),
        ("evaluated_as_trained", {"batch_norm_mode": "evaluate_as_trained"}),
    ],
)
def test_a_preset_makes_the_choices_it_is_documented_for(
    name: str, differences: dict[str, str | bool]
) -> None:
    assert load_protocol(name, PRESETS).choices() == PAPER | differences


def test_every_file_in_the_repository_is_a_protocol() -> None:
    names = [path.stem for path in PRESETS.glob("*.yaml")]
    assert "paper" in names
    for name in names:
        assert load_protocol(name, PRESETS).choices().keys() == PAPER.keys()


def test_a_choice_cannot_be_changed_after_loading() -> None:
    protocol = load_protocol("paper", PRESETS)
    with pytest.raises(FrozenInstanceError):
        protocol.resize = "center_crop"  # type: ignore[misc]


def test_the_nearest_file_of_a_chain_decides(write: Callable[..., Path]) -> None:
    directory = write(
        base=WHOLE,
        middle="extends: base\norder: listed\nresize: center_crop",
        top="extends: middle\nresize: squash",
    )
    choices = load_protocol("top", directory).choices()
    assert choices == PAPER | {"order": "listed"}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        pytest.param(
            {"mine": f"{WHOLE}\nresizing: squash"},
            ["'mine'", "'resizing'", "did you mean 'resize'?", "protocols/mine.yaml"],
            id="unknown choice",
        ),
        pytest.param(
            {"mine": WHOLE.replace("resize: squash\n", "").replace("order: seed_shuffle\n", "")},
            ["'mine'", "order, resize", "undecided", "protocols/mine.yaml"],
            id="missing choices",
        ),
        pytest.param(
            {"mine": WHOLE.replace("squash", "squeeze")},
            ["resize", "'squeeze'", "known: center_crop, squash"],
            id="wrong word",
        ),
        pytest.param(
            {
                "mine": WHOLE.replace("batch_norm: True", "batch_norm: false").replace(
                    "batch_norm_mode: train", "batch_norm_mode: evaluate_as_trained"
                )
            },
            ["evaluate_as_trained", "batch_norm is false", "Set batch_norm: true"],
            id="own statistics without normalisation",
        ),
        pytest.param(
            {"mine": WHOLE.replace("style_gram: gatys5", "style_gram: gaty5")},
            ["style_gram", "'gaty5'", "did you mean 'gatys5'?", "protocol's file"],
            id="misspelt word",
        ),
        pytest.param(
            {"mine": WHOLE.replace("batch_norm: True", "batch_norm: maybe")},
            ["batch_norm", "'maybe'", "False, True"],
            id="wrong truth value",
        ),
        pytest.param(
            {"mine": WHOLE.replace("batch_norm: True", "batch_norm: 1")},
            ["batch_norm", "1", "False, True"],
            id="a number for a truth value",
        ),
        pytest.param(
            {"mine": "extends: mine\norder: listed"},
            ["'mine'", "extends itself", "mine -> mine"],
            id="extends itself",
        ),
        pytest.param(
            {"mine": "extends: yours", "yours": "extends: mine"},
            ["extends itself", "mine -> yours -> mine"],
            id="extends itself through another",
        ),
        pytest.param(
            {"mine": "extends: papr", "paper": WHOLE},
            ["'papr'", "did you mean 'paper'?", "protocols/papr.yaml"],
            id="extends nothing",
        ),
        pytest.param({"mine": ""}, ["protocols/mine.yaml", "no choices"], id="empty file"),
        pytest.param({"mine": "- a\n- b"}, ["protocols/mine.yaml", "no choices"], id="a list"),
        pytest.param({"mine": "resize: [squash"}, ["protocols/mine.yaml"], id="not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_remedy(
    texts: dict[str, str], words: list[str], write: Callable[..., Path]
) -> None:
    with pytest.raises(InputError) as refusal:
        load_protocol("mine", write(**texts))
    for word in words:
        assert word in str(refusal.value)


def test_a_name_without_a_file_is_answered_with_the_nearest_preset() -> None:
    with pytest.raises(InputError, match="did you mean 'released'"):
        load_protocol("relaesed", PRESETS)


# What a seed decides


@pytest.mark.parametrize(
    ("choices", "seeded"),
    [
        ({}, ("order",)),
        ({"initial_weights": "random"}, ("order", "initial_weights")),
        ({"bottleneck": "fc4096"}, ("order", "dropout")),
        ({"order": "listed"}, ()),
        # Every seed starts from the one model that the study has pre-trained.
        ({"initial_weights": "pretrain"}, ("order",)),
        ({"initial_weights": "pretrain", "order": "listed"}, ()),
        ({"order": "fixed_shuffle"}, ()),
        ({"order": "listed", "initial_weights": "random"}, ("initial_weights",)),
        ({"seed_varies": "order", "initial_weights": "random"}, ("order",)),
        ({"seed_varies": "initial_weights", "initial_weights": "random"}, ("initial_weights",)),
        ({"seed_varies": "initial_weights"}, ()),
        ({"seed_varies": "order", "order": "listed", "bottleneck": "fc4096"}, ()),
    ],
)
def test_a_protocol_knows_what_it_leaves_to_the_seed(
    choices: dict[str, Any], seeded: tuple[str, ...]
) -> None:
    assert replace(load_protocol("paper", PRESETS), **choices).seeded == seeded


@pytest.mark.parametrize(
    ("varies", "seeds"),
    [
        ("everything", {"order": 7, "initial_weights": 7, "dropout": 7}),
        ("order", {"order": 7, "initial_weights": 0, "dropout": 0}),
        ("initial_weights", {"order": 0, "initial_weights": 7, "dropout": 0}),
    ],
)
def test_a_stream_that_may_not_vary_has_the_seed_0(varies: str, seeds: dict[str, int]) -> None:
    changes: dict[str, Any] = {"seed_varies": varies}
    assert replace(load_protocol("paper", PRESETS), **changes).stream_seeds(7) == seeds
