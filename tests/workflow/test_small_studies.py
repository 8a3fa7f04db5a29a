"""Studies that hold next to nothing, whole: each ends with its report, or with a sentence."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.workflow.conftest import Snakemake
from tests.workflow.test_trials import COLUMNS, play

pytestmark = pytest.mark.long

SCORES = {"file": "file", "score": "score"}
ERRORS = {
    "file": "errors.csv", "columns": {"file": "file", "error": "error"}, "loss": "mse",
    "claim": "table_1.mse",
}  # fmt: skip


def tables(directory: Path, kind: str) -> dict[str, Any]:
    """Write the tables of a study of that kind; return its data set."""
    stream = np.random.default_rng(7)
    count = 1 if kind == "one image" else 12
    table = pd.DataFrame({"file": [f"i{number}.jpg" for number in range(count)]})
    table.assign(error=stream.random(count)).to_csv(directory / "errors.csv", index=False)
    scored = table.assign(score=0.5, category="")
    if kind == "one answer":
        # Whoever always says yes has as many hits as false alarms: all scores are 0.
        play(scored).assign(key=1).to_csv(directory / "trials.csv", index=False)
        columns = {ours: theirs for ours, theirs in COLUMNS.items() if ours != "category"}
        return {"kind": "table", "trials": "trials.csv", "columns": columns}
    scored.to_csv(directory / "scores.csv", index=False)
    return {"kind": "table", "scores": "scores.csv", "columns": SCORES}


def page(file: Path) -> str:
    text = re.sub("<[^>]+>", " ", file.read_text(encoding="utf-8").partition("<div")[2])
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("one image", "has no correlation with memorability: too few images"),
        ("one answer", "has no correlation with memorability: constant values"),
    ],
)
def test_a_study_of_tables_ends_with_its_report(
    kind: str, says: str, snakemake: Snakemake, tmp_path: Path
) -> None:
    study = {
        "study": "small", "runs": None, "dataset": tables(tmp_path, kind),
        "external_errors": {"mse": ERRORS}, "statistics": {"bootstrap": 100},
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    how = {"cwd": tmp_path, "configfile": tmp_path / "study.yaml"}
    done = snakemake(**how)
    assert done.returncode == 0, done.stdout
    results = tmp_path / "results/small"
    summary = page(results / "tables/summary.html")
    assert says in summary, summary
    assert " nan" not in summary
    assert "categor" not in summary
    assert (results / "tables/consistency.tsv").is_file() is (kind == "one answer")
    done = snakemake("--report", "report.html", **how)
    assert done.returncode == 0, done.stdout


def test_where_all_runs_diverged_what_reads_a_model_says_so_and_the_rest_is_made(
    tiny: Callable[..., Path], snakemake: Snakemake
) -> None:
    rate = "1e30"
    directory = tiny(learning_rates=[rate], selected={"learning_rate": rate})
    study = yaml.safe_load((directory / "study.yaml").read_text())
    for name in ("category", "subcategory"):
        del study["dataset"]["columns"][name]
    (directory / "study.yaml").write_text(yaml.safe_dump(study))
    how = {"cwd": directory, "configfile": directory / "study.yaml"}
    results = "results/tiny"
    latents = f"{results}/latents/protocol=untrained_start/loss=mse/lr={rate}/seed=0/part.parquet"
    made = [f"{results}/tables/table_1.html", f"{results}/figures/errors/mse.svg"]
    done = snakemake("--keep-going", latents, *made, **how)
    assert done.returncode != 0
    assert "what a run that diverged has left" in done.stdout
    assert "Traceback" not in done.stdout
    assert "seed 0 at step" in page(directory / made[0])
    done = snakemake(*made, "--report", "report.html", **how)
    assert done.returncode == 0, done.stdout
    shown = (directory / "report.html").read_text(encoding="utf-8").replace("\\n", " ")
    assert "is not finished" in " ".join(shown.split())
