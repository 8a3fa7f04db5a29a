"""Scores of a game against the workflow's own, how many people are missing, and the tables on disk."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memorability.base.errors import InputError
from memorability.data.trials import read_trials, score_trials
from memorability.memory_game.browser import scoring
from memorability.memory_game.browser.columns import FOR_STUDIES, OBSERVERS, TRIALS
from memorability.memory_game.browser.scoring import (
    Power,
    Scored,
    needed_responses,
    score_game,
    write_scores,
)
from memorability.memory_game.consistency import spearman_brown
from memorability.memory_game.game import Observers, simulate_trials

REMEMBERING = Observers(reference_delay=100.0, decay=-0.08, inattentive_share=0.0, lapse_rate=0.0)
IDS = [f"animal/{number:03d}.jpg" for number in range(80)]
MEMORABILITY = np.linspace(0.4, 0.8, len(IDS))


def played(responses: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return trials and observers of a simulated game; the first observer is excluded."""
    trials = simulate_trials(
        IDS, MEMORABILITY, np.full(len(IDS), 0.1), responses=responses, observers=REMEMBERING,
        generator=np.random.default_rng(3),
    ).rename(columns={"image_id": "file"})  # fmt: skip
    trials = trials.assign(
        category="animal", subcategory="animal", key="", reaction_ms=np.nan, shown_ms=600.0,
        late_ms=0.0, dropped_frames=0,
    )  # fmt: skip
    names = sorted(trials["observer"].unique())
    observers = pd.DataFrame(dict.fromkeys(OBSERVERS, 0), index=range(len(names)))
    observers = observers.assign(observer=names, excluded=False, reason="", end="finished")
    observers.loc[0, ["excluded", "reason"]] = [True, "missed 9 of 12 vigilance repeats"]
    return trials[list(TRIALS)], observers


@pytest.fixture(scope="module")
def scored() -> Scored:
    return score_game(*played(40), seed=0)


def test_scores_are_those_of_a_study_on_the_trials(scored: Scored, tmp_path: Path) -> None:
    write_scores(scored, tmp_path / "scores", name="A study")
    path = tmp_path / "scores" / "data" / "description-trials_data.csv"
    of_study = score_trials(*read_trials(path, {name: name for name in FOR_STUDIES}))
    ours = scored.tables["scores"].sort_values("file", ignore_index=True)
    assert list(of_study["file"]) == list(ours["file"])
    for name in ("hits", "false_alarms", "responses", "score", "category", "subcategory"):
        assert list(of_study[name]) == list(ours[name]), name
    assert ours["responses"].sum() == 66 * (scored.tables["observers"]["excluded"] == 0).sum()


def test_planted_memory_is_recovered(scored: Scored) -> None:
    table = scored.tables["scores"].set_index("file").loc[IDS]
    # Four standard errors of a mean of 80 images' scores at the reference delay.
    error = np.sqrt((0.6 * 0.4) / table["responses"].sum())
    assert abs(table["score_at_100"].mean() - MEMORABILITY.mean()) < 4 * error
    assert scored.decay is not None
    assert abs(scored.decay - REMEMBERING.decay) < 0.06
    row = scored.tables["ceiling"].iloc[0]
    true = np.corrcoef(
        pd.Series(MEMORABILITY).rank(), table["score_uncorrected"].rank()
    )[0, 1]  # fmt: skip
    assert row["ceiling_low"] < true < row["ceiling_high"]


@pytest.mark.parametrize("reliability", [0.1, 0.5, 0.9, 1.0])
def test_needed_responses_undo_spearman_and_brown(reliability: float) -> None:
    needed = needed_responses(reliability, 40.0, 0.7)
    if reliability == 1:
        assert needed == 0
        return
    assert spearman_brown(reliability, factor=needed / 2 / 40) == pytest.approx(0.7)


def test_nothing_is_promised_of_halves_that_do_not_agree() -> None:
    assert needed_responses(0.0, 40.0, 0.7) == needed_responses(-0.2, 40.0, 0.7) == math.inf
    power = Power(10, 0.01, math.inf, 50, math.inf, math.inf, 20, math.inf)
    assert "cannot be told yet" in power.in_words()
    power = Power(10, 0.3, 50, 40, math.inf, 20, 15, math.inf)
    assert "about 20 more observers (95 % interval for new images: 15 to any number)" in (
        power.in_words()
    )
    assert "is reached" in Power(90, 0.8, 50, 40, 60, 0, 0, 0).in_words()


def test_so_many_more_observers_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "measure_consistency", lambda *_, **__: pd.DataFrame())
    trials, observers = played(16)
    power = score_game(trials, observers, seed=0).power
    assert power is not None
    assert power.observers_low < power.observers < power.observers_high
    counted = (~observers["excluded"]).sum()
    assert power.observers == math.ceil((power.needed / power.responses - 1) * counted)
    more = round(16 * power.needed / power.responses)
    reached = score_game(*played(more), seed=0).power
    assert reached is not None
    assert reached.consistency == pytest.approx(0.7, abs=0.08)


def test_words_name_who_is_left_out_and_what_is_missing(scored: Scored) -> None:
    text = scored.in_words()
    assert "began" in text
    assert "Excluded, missed 9 of 12 vigilance repeats: 1." in text
    assert "Noise ceiling of hit rates" in text


def test_every_column_is_described_as_psych_ds_wants(scored: Scored, tmp_path: Path) -> None:
    write_scores(scored, tmp_path / "scores", name="A study")
    written = tmp_path / "scores"
    described = json.loads((written / "dataset_description.json").read_text(encoding="utf-8"))
    assert (described["@type"], described["@context"]) == ("Dataset", "https://schema.org/")
    assert described["name"] == "A study"
    names = [one["name"] for one in described["variableMeasured"]]
    assert len(names) == len(set(names))
    tables = sorted((written / "data").iterdir())
    assert [path.name for path in tables] == [
        f"description-{name}_data.csv"
        for name in ("ceiling", "consistency", "observers", "scores", "trials")
    ]
    columns = {column for path in tables for column in pd.read_csv(path, nrows=0).columns}
    assert columns == set(names)
    assert (written / "README.md").read_text(encoding="utf-8").startswith("# A study\n")
    with pytest.raises(InputError, match="exists"):
        write_scores(scored, written, name="A study")


def test_few_observers_end_in_sentences() -> None:
    trials, observers = played(1)
    alone = trials[trials["observer"] == "simulated_00001"]
    few = score_game(alone, observers.iloc[[1]], seed=0)
    assert few.power is None
    assert "too few responses" in few.in_words()
    assert few.tables["scores"]["score_at_100"].isna().all()
    with pytest.raises(InputError, match="No target was shown twice to an observer who counts"):
        score_game(trials, observers.assign(excluded=True), seed=0)
