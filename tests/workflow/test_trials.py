"""A study whose scores are made of single trials, from the table to the image table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from memorability.tables import store

IMAGES = "results/tiny/images/squash/images.parquet"
TARGETS = (
    IMAGES, "results/tiny/tables/consistency.tsv", "results/tiny/figures/consistency.svg",
    "results/tiny/tables/ceiling.tsv",
)  # fmt: skip
COLUMNS = {
    "observer": "participant", "file": "picture", "response": "key", "position": "trial",
    "category": "group",
}  # fmt: skip


def play(scores: pd.DataFrame, observers: int = 12) -> pd.DataFrame:
    """Return single trials: each observer sees all images, a filler, and all again in another order."""
    stream = np.random.default_rng(4)
    rows = []
    for observer in range(observers):
        orders = [stream.permutation(len(scores)) for _ in range(2)]
        for trial, image in enumerate(np.concatenate(orders)):
            chance = 0.2 if trial < len(scores) else scores["score"].iloc[image]
            said = int(stream.random() < chance)
            file, category = scores["file"].iloc[image], scores["category"].iloc[image]
            again = trial >= len(scores)
            rows.append((f"p{observer}", file, category, trial + 1 + again, said))
        rows.append((f"p{observer}", "filler.jpg", "", len(scores) + 1, 0))
    return pd.DataFrame(rows, columns=["participant", "picture", "group", "trial", "key"])


@pytest.fixture(scope="module")
def study(tiny: Callable[..., Path], snakemake: Callable[..., Any]) -> Path:
    directory = tiny()
    trials = play(pd.read_csv(directory / "data/scores.csv"))
    trials.to_csv(directory / "data/trials.csv", index=False)
    overlay = yaml.safe_load((directory / "study.yaml").read_text())
    overlay["dataset"] = {
        "kind": "folder", "images": "data/images", "trials": "data/trials.csv", "columns": COLUMNS,
    }  # fmt: skip
    (directory / "study.yaml").write_text(yaml.safe_dump(overlay))
    done = snakemake(*TARGETS, cwd=directory, configfile=directory / "study.yaml")
    assert done.returncode == 0, done.stdout
    return directory


def test_scores_are_those_of_the_trials(study: Path) -> None:
    trials = pd.read_csv(study / "data/trials.csv")
    trials = trials[trials["trial"] != 13]
    again = trials["trial"] > 13
    hits = trials[again].groupby("picture")["key"].sum()
    false_alarms = trials[~again].groupby("picture")["key"].sum()
    images = store.read(study / IMAGES, "images").set_index("file")
    assert len(images) == 12
    assert images["hits"].to_dict() == hits.to_dict()
    assert images["false_alarms"].to_dict() == false_alarms.to_dict()
    assert set(images["responses"]) == {12}
    assert images["score"].to_dict() == ((hits - false_alarms) / 12).to_dict()
    assert sorted(set(images["category"])) == ["animal", "food"]


def test_halves_of_the_observers_are_compared(study: Path) -> None:
    table = store.read(study / "results/tiny/tables/consistency.parquet", "consistency")
    assert set(table["splitting"]) == {"observers", "delays"}
    assert {"none", "exact"} <= set(table["correction"])
    assert (table.loc[table["all_responses"], "responses"] == 12).all()


def test_what_is_made_is_made_once_and_other_answers_train_nothing(
    study: Path, snakemake: Callable[..., Any]
) -> None:
    how = {"cwd": study, "configfile": study / "study.yaml"}
    assert "Nothing to be done" in snakemake(*TARGETS, "--dry-run", **how).stdout
    table = study / "data/trials.csv"
    trials = pd.read_csv(table)
    trials["key"] = 1 - trials["key"]
    trials.to_csv(table, index=False)
    planned = snakemake(*TARGETS, "--dry-run", **how).stdout
    assert "rule score_trials" in planned
    assert "rule join_scores" in planned
    assert "rule prepare_images" not in planned


def test_the_workflow_starts_from_any_directory_by_any_path(
    study: Path, pristine: Path, snakemake: Callable[..., Any], tmp_path: Path
) -> None:
    link = tmp_path / "workflow"
    link.symlink_to(pristine)
    target = "results/tiny/dataset/scores.csv"
    for number, (snakefile, cwd) in enumerate(
        [(Path("workflow/Snakefile"), tmp_path), (link / "Snakefile", study)]
    ):
        there = tmp_path / f"elsewhere_{number}"
        there.mkdir()
        (there / "data").symlink_to(study / "data")
        done = snakemake(
            target, "--directory", there, cwd=cwd, configfile=study / "study.yaml",
            snakefile=snakefile,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        assert (there / target).is_file()
