"""One file carries a predictor whole, and no other file passes for one."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sklearn.preprocessing import StandardScaler

from memorability.autoencoder.architecture import write_autoencoder
from memorability.base.errors import InputError
from memorability.networks.computing import place
from memorability.prediction.predictors.trained import write_predictor
from memorability.scorer.bundle import (
    SavedPredictor,
    latent_distance,
    read_saved_predictor,
    state_hash,
    write_saved_predictor,
)


@pytest.fixture
def path(saved: SavedPredictor, tmp_path: Path) -> Path:
    write_saved_predictor(saved, tmp_path / "bundle.safetensors")
    return tmp_path / "bundle.safetensors"


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_saved_predictor(path)
    return str(caught.value)


def header_of(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        return dict(json.loads(file.metadata()["memorability"]))


def rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Write the file anew after a change to its facts, with a checksum that fits."""
    read = read_saved_predictor(path)
    facts = json.loads(json.dumps(read.facts))
    change(facts)
    write_saved_predictor(SavedPredictor(read.encoder, read.predictor, read.reference, facts), path)
    return path


# What is in it


def test_what_is_read_is_what_was_written(saved: SavedPredictor, path: Path, made_up: Any) -> None:
    # Sums are taken in the order of the memory layout, which `place` chooses for the study as well.
    model, read = place(made_up.model, "cpu"), read_saved_predictor(path).to("cpu")
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        latents = read.encoder(images)
        assert torch.equal(latents, model.encode(images))
        assert torch.equal(read.predictor.score(latents), made_up.trained.score(latents))
    np.testing.assert_array_equal(read.reference, saved.reference, strict=True)
    assert read.facts == json.loads(json.dumps(saved.facts))


def test_equal_predictors_are_equal_files(path: Path, tmp_path: Path) -> None:
    write_saved_predictor(read_saved_predictor(path), tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_the_decoder_stays_behind(path: Path) -> None:
    assert {key.split(".")[0] for key in load_file(path)} == {"encoder", "predictor", "reference"}
    assert not [key for key in load_file(path) if "decoder" in key]


def test_facts_describe_the_study(saved: SavedPredictor, made_up: Any) -> None:
    facts, images = saved.facts, made_up.predictions
    assert facts["split"]["images"] == {"train": 30, "validation": 20, "test": 10}
    lines = "".join(
        sorted(f"{i}\t{part}\n" for i, part in zip(images.image_id, images.split, strict=True))
    )
    assert facts["split"]["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    trained = images[images["split"] == "train"]
    assert facts["usual"]["scores"] == [trained["score"].min(), trained["score"].max()]
    assert facts["autoencoder"]["state_sha256"] == state_hash(made_up.model.state_dict())
    unseen = images.loc[images["split"] != "train", "predicted"]
    assert list(saved.reference) == sorted(unseen)
    assert made_up.bundle(minimum_side=161).facts["preparation"]["minimum_side"] == 161


def test_the_hash_of_a_state_sees_names_values_and_shapes() -> None:
    state = {"a": torch.zeros(2, 3), "b": torch.ones(1)}
    same = {"b": torch.ones(1), "a": torch.zeros(2, 3)}
    others = [
        {"a": torch.zeros(3, 2), "b": torch.ones(1)},
        {"a": torch.zeros(2, 3), "c": torch.ones(1)},
        {"a": torch.zeros(2, 3), "b": torch.full((1,), 1.0000001)},
        {"a": torch.zeros(2, 3), "b": torch.ones(1, dtype=torch.float64)},
    ]
    assert state_hash(state) == state_hash(same)
    assert len({state_hash(state), *map(state_hash, others)}) == 5


def test_distance_is_that_of_standardised_latents(made_up: Any) -> None:
    train = made_up.latents[:30]
    expected = StandardScaler().fit(train).transform(made_up.latents)
    expected = np.sqrt((expected**2).mean(axis=1))
    found = latent_distance(made_up.trained, torch.from_numpy(made_up.latents)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.sqrt((found[:30] ** 2).mean()) == pytest.approx(1, rel=1e-5)


def test_usual_images_are_as_near_as_the_unseen_ones(saved: SavedPredictor, made_up: Any) -> None:
    # Of 30 images the largest distance is the 99 % quantile that is nowhere between two of them.
    unseen = latent_distance(made_up.trained, torch.from_numpy(made_up.latents[30:]))
    assert saved.facts["usual"]["distance"] == pytest.approx(float(unseen.max()))


# What is refused


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    assert "nowhere.safetensors does not exist. A study writes" in refusal(
        tmp_path / "nowhere.safetensors"
    )
    assert "is a directory, not a file" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"PK\x03\x04" + bytes(99), bytes(8)])
def test_another_kind_of_file_is_refused_unread(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    assert "model.pth is no saved predictor" in refusal(path)


def test_the_parts_alone_are_refused(made_up: Any, tmp_path: Path) -> None:
    write_autoencoder(made_up.model, tmp_path / "autoencoder.safetensors", {})
    write_predictor(made_up.trained, tmp_path / "predictor.safetensors", {})
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    for name in ("autoencoder", "predictor", "other"):
        said = refusal(tmp_path / f"{name}.safetensors")
        assert "cannot score an image" in said
        assert "predictor/bundle.safetensors" in said


def test_an_incomplete_copy_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])
    assert "or only the beginning of one" in refusal(path)


@pytest.mark.parametrize("place", ["weights", "header"])
def test_a_damaged_copy_is_refused(path: Path, place: str) -> None:
    content = bytearray(path.read_bytes())
    where = content.index(b"Weights are random.") if place == "header" else len(content) - 5000
    content[where] ^= 1
    path.write_bytes(content)
    assert "is damaged: its checksum is not that of its content" in refusal(path)


def test_another_version_is_refused_with_its_own(path: Path) -> None:
    said = refusal(rewritten(path, lambda facts: facts.update(version=1)))
    assert "of format 1; this version of the program reads format 3" in said
    assert "(0.1)" in said


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("side", 256, "side is 256 there and 224 here"),
        ("values", [-1.0, 1.0], "values is [-1.0, 1.0] there and [0.0, 1.0] here"),
        ("resize", "pad", "resize is 'pad' there and squash or center_crop here"),
    ],
)
def test_other_preprocessing_is_refused(path: Path, key: str, value: Any, says: str) -> None:
    said = refusal(rewritten(path, lambda facts: facts["preparation"].update({key: value})))
    assert "prepares differently" in said
    assert says in said
    assert "run the study again" in said


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda facts: facts.pop("interval"), "'interval' is a required property"),
        (lambda facts: facts["interval"]["all"].update(level="all"), "interval.all.level"),
        (lambda facts: facts["usual"].update(scores=[0]), "usual.scores"),
        (lambda facts: facts["autoencoder"]["architecture"].update(width=1.0), "cannot be built"),
        (lambda facts: facts["autoencoder"]["architecture"].update(more=1), "cannot be built"),
    ],
)
def test_facts_that_do_not_fit_are_named(
    path: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    assert says in refusal(rewritten(path, change))


def test_reading_the_header_needs_no_program(path: Path) -> None:
    assert header_of(path)["facts"]["score"] == "(hits − false alarms) / responses"
