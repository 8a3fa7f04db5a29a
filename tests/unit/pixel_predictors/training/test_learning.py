"""The training loop: as by hand, stopped early, taken up to the bit, refused when it diverges."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from memorability.base.seeding import numpy_stream
from memorability.networks.training import checkpoints as states
from memorability.networks.training.checkpoints import Checkpoints
from memorability.pixel_predictors.contract import Diverged
from memorability.pixel_predictors.training.learning import Learned, Recipe, ScoringNetwork, learn

SIDE = 12
IMAGES = 20
SPLIT = np.array(["train"] * 11 + ["validation"] * 5 + ["test"] * 4)


class Small(ScoringNetwork):
    """A convolution, batch normalisation, dropout and a weighted sum."""

    crop = 8

    def __init__(self, *, whole: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4) if whole else nn.Identity(),
            nn.ReLU(),
            nn.Dropout(0.5 if whole else 0),
            nn.Flatten(),
            nn.Linear(4 * 36, 1),
        )

    def inputs(self, pixels: Tensor) -> Tensor:
        return pixels.float() / 255

    def centre(self, images: Tensor) -> Tensor:
        return images[..., 2:10, 2:10]

    def of_crops(self, crops: Tensor) -> Tensor:
        scores: Tensor = self.layers(crops)
        return scores.squeeze(1)


def recipe(**changes: Any) -> Recipe:
    basis: dict[str, Any] = {
        "optimizer": "adam", "learning_rate": 1e-2, "batch_size": 4, "epochs": 4, "patience": None,
        "random_crop": True, "mirror": True,
    }  # fmt: skip
    return Recipe(**basis | changes)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    stream = np.random.default_rng(0)
    bright = stream.uniform(10, 245, size=(IMAGES, 1, 1, 1))
    noise = stream.normal(0, 20, size=(IMAGES, 3, SIDE, SIDE))
    return (bright + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def targets(pixels: np.ndarray) -> np.ndarray:
    return (pixels.mean(axis=(1, 2, 3)) / 255).astype(np.float32)


def run(
    network: ScoringNetwork, pixels: np.ndarray, targets: np.ndarray, how: Recipe, **others: Any
) -> Learned:
    return learn(network, pixels, targets, SPLIT, how, seed=3, device="cpu", **others)


def weights(network: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_training_is_that_of_a_plain_loop(
    pixels: np.ndarray, targets: np.ndarray, optimizer: Any
) -> None:
    network, plain = Small(whole=False), Small(whole=False)
    learned = run(
        network, pixels, targets,
        recipe(optimizer=optimizer, epochs=2, random_crop=False, mirror=False, weight_decay=0.1),
    )  # fmt: skip
    steps = (
        torch.optim.Adam(plain.parameters(), 1e-2)
        if optimizer == "adam"
        else torch.optim.SGD(plain.parameters(), 1e-2, momentum=0.9, weight_decay=0.1)
    )
    order = numpy_stream(3, "training order")
    images, scores = torch.from_numpy(pixels), torch.from_numpy(targets)
    for epoch in range(2):
        rows = order.permutation(11)
        errors = []
        for start in range(0, 11, 4):
            batch = rows[start : start + 4]
            steps.zero_grad()
            squared = (plain(images[batch]) - scores[batch]) ** 2
            squared.mean().backward()  # type: ignore[no-untyped-call]
            steps.step()
            errors.extend(squared.tolist())
        validation = (plain(images[11:16]) - scores[11:16]) ** 2
        assert learned.history[epoch].train_error == pytest.approx(np.mean(errors), rel=1e-5)
        assert learned.history[epoch].validation_error == pytest.approx(
            validation.mean().item(), rel=1e-5
        )
    assert [one.epoch for one in learned.history] == [1, 2]
    assert learned.kept == 2


def test_crops_and_mirror_images_differ_from_epoch_to_epoch_and_cover_all_places(
    pixels: np.ndarray, targets: np.ndarray
) -> None:
    seen: list[Tensor] = []

    class Watched(Small):
        def of_crops(self, crops: Tensor) -> Tensor:
            if self.training:
                seen.extend(crops.detach().clone())
            return super().of_crops(crops)

    run(Watched(), pixels, targets, recipe(epochs=12))
    images = torch.from_numpy(pixels[:11]).float() / 255
    found = set()
    for crop in seen:
        places = [
            (row, top, left, mirrored)
            for row, image in enumerate(images)
            for top in range(5)
            for left in range(5)
            for mirrored in (False, True)
            if torch.equal(
                image[:, top : top + 8, left : left + 8], crop.flip(-1) if mirrored else crop
            )
        ]
        assert len(places) == 1
        found.add(places[0][1:])
    assert len(found) > 40
    assert not torch.equal(seen[0], seen[11])


def test_the_epoch_best_in_validation_is_kept_and_training_ends_after_the_patience(
    pixels: np.ndarray, targets: np.ndarray
) -> None:
    network = Small()
    learned = run(network, pixels, targets, recipe(epochs=60, patience=2, learning_rate=3e-2))
    errors = [one.validation_error for one in learned.history]
    assert len(errors) < 60
    assert learned.kept == len(errors) - 2 == int(np.argmin(errors)) + 1
    assert not network.training
    scores = network(torch.from_numpy(pixels[11:16]))
    mean = ((scores.detach() - torch.from_numpy(targets[11:16])) ** 2).mean().item()
    assert mean == pytest.approx(min(errors), rel=1e-5)


@pytest.mark.parametrize(("optimizer", "patience"), [("adam", 1), ("sgd", None)])
def test_a_training_that_is_killed_and_taken_up_ends_with_equal_bytes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pixels: np.ndarray,
    targets: np.ndarray,
    optimizer: Any,
    patience: int | None,
) -> None:
    monkeypatch.setattr(states, "LARGEST_SHARE", math.inf)
    rate = 0.1 if patience else 0.01  # so that the error rises in validation, and training ends
    how = recipe(optimizer=optimizer, patience=patience, epochs=3, learning_rate=rate)
    whole = Small()
    expected = run(whole, pixels, targets, how)
    shown = len(expected.history) * (11 + 5)
    assert (expected.kept < len(expected.history)) == (patience is not None)
    # Within an epoch's steps, between steps and validation, within validation, between epochs.
    for stop in range(3, shown, 6):
        seen = 0

        def stopping() -> None:
            nonlocal seen
            seen += 1
            if seen == stop:  # noqa: B023  # called within its own iteration alone
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), Checkpoints("key", 0, tmp_path) as checkpoints:
            run(Small(), pixels, targets, how, checkpoints=checkpoints, on_image=stopping)
        left = 0

        def counting() -> None:
            nonlocal left
            left += 1

        network = Small()
        with Checkpoints("key", 0, tmp_path) as checkpoints:
            done = checkpoints.done
            again = run(network, pixels, targets, how, checkpoints=checkpoints, on_image=counting)
        assert again == expected
        assert left == shown - done
        assert stop - 8 < done < stop  # the images of two batches at most are shown again
        for name, value in weights(whole).items():
            np.testing.assert_array_equal(weights(network)[name], value)


def test_scores_and_pixels_of_test_images_and_the_state_of_others_decide_nothing(
    pixels: np.ndarray, targets: np.ndarray
) -> None:
    other, other_pixels = targets.copy(), pixels.copy()
    other[SPLIT == "test"] = np.nan
    other_pixels[SPLIT == "test"] = 0
    one, two = Small(), Small()
    run(one, pixels, targets, recipe())
    torch.rand(7)
    run(two, other_pixels, other, recipe())
    for name, value in weights(one).items():
        np.testing.assert_array_equal(weights(two)[name], value)


def test_bfloat16_learns_alike_and_keeps_single_precision_weights(
    pixels: np.ndarray, targets: np.ndarray
) -> None:
    network = Small()
    learned = run(network, pixels, targets, recipe(), precision="bf16")
    exact = run(Small(), pixels, targets, recipe())
    assert learned != exact
    for one, two in zip(learned.history, exact.history, strict=True):
        assert one.train_error == pytest.approx(two.train_error, rel=0.1)
    assert all(value.dtype == torch.float32 for value in network.parameters())


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_training_that_diverges_names_epoch_and_learning_rate_and_leaves_no_state(
    pixels: np.ndarray, targets: np.ndarray, part: str, tmp_path: Path
) -> None:
    network = Small(whole=False)
    if part == "train":
        how = recipe(optimizer="sgd", learning_rate=1e30)
    else:
        # A single step ruins the weights, and no other follows it.
        how = recipe(optimizer="sgd", learning_rate=1e30, batch_size=11, epochs=1)
    said = r"diverged.* in epoch [12] with the learning rate 1e\+30"
    with (
        pytest.raises(Diverged, match=said),
        Checkpoints("key", 0, tmp_path) as checkpoints,
    ):
        run(network, pixels, targets, how, checkpoints=checkpoints)
    assert not (tmp_path / "key").exists()
