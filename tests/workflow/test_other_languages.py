"""What docs/r.md says to do with a study's tables in R and in SQL gives the study's own numbers."""

import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


def recipe(language: str, begins: str) -> str:
    """Return a block of docs/r.md, for the study of these tests."""
    text = (ROOT / "docs" / "r.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```{language}\n({begins}.*?)```", text, re.DOTALL)
    return str(block).replace("results/sample/", "results/tiny/")


def test_table_1_follows_from_the_errors_in_sql(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_run)
    found = duckdb.sql(recipe("sql", "WITH")).df().set_index("loss")
    ours = pd.read_parquet("results/tiny/tables/correlations/error.parquet")
    ours = ours[ours["selected"] & (ours["method"] == "pooled") & (ours["group"] == "all")]
    assert found.index.sort_values().tolist() == sorted(ours["loss"])
    for _, row in ours.iterrows():
        assert found.loc[row["loss"], "r"] == pytest.approx(row["r"], abs=1e-12)
        assert found.loc[row["loss"], "learning_rate"] == row["lr"]


def test_base_r_correlates_the_table_of_images(tiny_run: Path) -> None:
    if not shutil.which("Rscript"):
        pytest.skip("R is not installed here")
    done = subprocess.run(
        ["Rscript", "-e", recipe("r", "images")], cwd=tiny_run, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    images = pd.read_parquet(tiny_run / "results/tiny/tables/per_image.parquet")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [name for name, *_ in lines] == [name for name in images if name.startswith("error_")]
    for name, r, partial in lines:
        expected = images[name].corr(images["score"], method="spearman")
        assert float(r) == pytest.approx(expected, abs=1e-6)
        ranks = images[[name, "score"]].rank()
        within = ranks - ranks.groupby(images["category"]).transform("mean")
        assert float(partial) == pytest.approx(within[name].corr(within["score"]), abs=1e-6)
