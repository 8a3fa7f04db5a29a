"""Exponents, and what is read of the workflow's own benchmark files."""

import json
import os
from pathlib import Path

import pytest

from benchmarks.bench_growth import SCORES, draw, exponent, take_benchmarks, write_photographs
from memorability.data.scores import read_scores


def test_exponent_is_the_slope_of_the_last_step() -> None:
    assert exponent({100: 7.0, 1_000: 10.0, 10_000: 1_000.0}) == pytest.approx(2)
    assert exponent({1_000: 3.0, 100: 3.0}) == 0


def test_jobs_of_a_rule_are_added_and_their_files_removed(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "growth" / "benchmarks"
    (folder / "correlate").mkdir(parents=True)
    jobs = {
        "plot.jsonl": (1.0, 100),
        "correlate/a.jsonl": (2.0, 300),
        "correlate/b.jsonl": (5.0, 200),
    }
    for number, (file, (seconds, memory)) in enumerate(jobs.items()):
        (folder / file).write_text(json.dumps({"s": seconds, "max_rss": memory}))
        os.utime(folder / file, (number, number))
    taken = take_benchmarks(tmp_path, "growth")
    assert list(taken) == ["plot", "correlate"]
    assert taken["correlate"] == (7.0, pytest.approx(300 * 2**20 / 1e6))
    assert take_benchmarks(tmp_path, "growth") == {}


def test_made_up_photographs_and_scores_are_a_study(tmp_path: Path) -> None:
    write_photographs(40, tmp_path)
    scores = read_scores(tmp_path / "scores.csv", {name: name for name in SCORES})
    assert len(scores) == len(list((tmp_path / "images").iterdir())) == 40


def test_the_longest_stages_have_names() -> None:
    stages = {
        f"stage {number}": {10: (number, 1.0), 100: (10.0 * number, 2.0)} for number in range(1, 13)
    }
    (legend,) = draw(stages).legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == [f"stage {number}" for number in range(12, 3, -1)]
