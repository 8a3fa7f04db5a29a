"""A study of tables alone, and tables made elsewhere beside the study's own runs."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as arrow
import pytest
import yaml
from pyarrow import parquet

from memorability.memory_game.browser.reading import read_game
from memorability.memory_game.browser.scoring import score_game, write_scores
from memorability.memory_game.browser.store import ResultStore
from memorability.tables import store
from tests.browser_games import participant, showings, small_game, trial
from tests.standins import memcat_rows, write_memcat_table
from tests.workflow.conftest import Snakemake, dry_run, put_back
from tests.workflow.data_sets import assert_opens_as_one, data_sets

pytestmark = pytest.mark.long

MEMCAT = Path(__file__).resolve().parents[3] / "shared" / "reference" / "memcat_image_data.csv"
STUDY: dict[str, Any] = {
    "study": "alone",
    "dataset": {"kind": "memcat", "scores": "scores.csv", "images": None},
    "runs": None,
    "external_errors": {
        "made_up": {
            "file": "errors.csv",
            "columns": {"file": "image", "error": "Loss"},
            "loss": "lpips_squeeze",
            "claim": "table_1.lpips_squeeze",
        }
    },
    "external_latents": {
        "made_up": {
            "file": "latents.parquet",
            "columns": {"image_id": "id", "latent": "z"},
            "claim": "distinctiveness",
        }
    },
    "statistics": {"bootstrap": 200},
}
RESULTS = "results/alone"
TRAINING = {"finetune", "encode", "predict", "attribute", "measure_features", "prepare_images"}


def make_up(directory: Path, scores: pd.DataFrame) -> None:
    """Write errors and latents that noise and the scores make up, of all images but the last."""
    stream = np.random.default_rng(3)
    score = scores["memorability_w_fa_correction"].to_numpy()
    errors = score / score.std() + 2 * stream.standard_normal(len(score))
    table = pd.DataFrame({"image": scores["image_file"], "Loss": errors})
    table[:-1].to_csv(directory / "errors.csv", index=False)
    latents = list((0.5 + score[:, np.newaxis]) * stream.standard_normal((len(score), 8)))
    ids = [name.removesuffix(".jpg") for name in scores["image_file"]]
    parquet.write_table(arrow.table({"id": ids, "z": latents}), directory / "latents.parquet")


def change(table: Path) -> None:
    """Take the last row out of a table."""
    if table.suffix == ".parquet":
        rows = parquet.read_table(table)
        parquet.write_table(rows.slice(0, len(rows) - 1), table)
    else:
        pd.read_csv(table)[:-1].to_csv(table, index=False)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, snakemake: Callable[..., Any]) -> Path:
    """The directory of a study of tables alone after a whole run."""
    directory = tmp_path_factory.mktemp("alone")
    rows = memcat_rows(6)
    write_memcat_table(directory / "scores.csv", rows)
    make_up(directory, rows)
    (directory / "study.yaml").write_text(yaml.safe_dump(STUDY))
    done = snakemake(cwd=directory, configfile=directory / "study.yaml")
    assert done.returncode == 0, done.stdout
    return directory


def test_nothing_is_trained_and_everything_else_is_there(alone: Path) -> None:
    results = alone / RESULTS
    made = {path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()}
    assert {
        "images/images.parquet",
        "figures/scores.svg",
        "figures/external_errors/made_up.svg",
        "figures/external_distinctiveness/made_up.png",
        "tables/ceiling.html",
        "tables/table_1.html",
        "tables/external.html",
        "tables/claims.html",
        "tables/claims_badge.md",
        "provenance.json",
    } <= made
    assert {path.name for path in (results / "logs").iterdir()}.isdisjoint(
        {f"{name}.log" for name in TRAINING} | TRAINING
    )
    assert [path.name for path in (alone / "resources").iterdir()] == ["contents"]
    again = store.read(results / "images/images.parquet", "images")
    assert len(again) == 60


def test_what_is_not_joined_is_counted(alone: Path) -> None:
    counts = store.read(alone / RESULTS / "tables/external.parquet", "external")
    counts = counts.set_index("kind")
    assert counts["joined"].to_dict() == {"errors": 59, "latents": 60}
    assert counts["images_without_row"].to_dict() == {"errors": 1, "latents": 0}


def test_correlations_are_those_of_scipy_and_called_external(alone: Path) -> None:
    scores = pd.read_csv(alone / "scores.csv")
    errors = pd.read_csv(alone / "errors.csv", dtype={"image": str})
    both = errors.merge(scores, left_on="image", right_on="image_file")
    expected = both["Loss"].corr(both["memorability_w_fa_correction"], method="spearman")
    path = alone / RESULTS / "tables/correlations/error.parquet"
    rows = store.read(path, "correlations")
    pooled = rows[(rows["method"] == "pooled") & (rows["group"] == "all")].iloc[0]
    assert pooled["r"] == pytest.approx(expected, abs=1e-12)
    assert pooled["n"] == 59
    assert pooled[["metric", "protocol", "loss", "lr"]].to_list() == [
        "lpips_squeeze", "external", "made_up", "",
    ]  # fmt: skip
    assert (
        "LPIPS (SqueezeNet), external (made_up)"
        in (alone / RESULTS / "tables/table_1.html").read_text()
    )


def test_what_was_made_elsewhere_opens_as_one_data_set(alone: Path) -> None:
    results = alone / RESULTS
    folders = data_sets(results)
    schemas = {
        "external_distinctiveness": "distinctiveness", "external_errors": "errors",
        "tables/correlations": "correlations",
    }  # fmt: skip
    assert set(folders) == set(schemas)
    for folder, parts in folders.items():
        assert_opens_as_one(results / folder, parts, schemas[folder])


def test_they_answer_their_published_figures_marked_as_external_and_of_other_data(
    alone: Path,
) -> None:
    claims = store.read(alone / RESULTS / "tables/claims.parquet", "claims").set_index("claim")
    for claim, by in (
        ("table_1.lpips_squeeze", "external error: made_up"),
        ("distinctiveness", "external distinctiveness: made_up"),
    ):
        assert claims.loc[claim, ["by", "data", "verdict"]].to_list() == [
            by, "other data", "not testable",
        ]  # fmt: skip
        assert "60 images of MemCat" in claims.loc[claim, "why"].replace("59", "60")
    assert claims.loc["consistency.memcat", "by"] == "this study"
    badge = (alone / RESULTS / "tables/claims_badge.md").read_text()
    assert badge == f"This study can test none of the {len(claims)} published numbers.\n"


def test_the_report_says_that_nothing_was_trained(
    alone: Path, snakemake: Callable[..., Any], tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    done = snakemake("--report", page, cwd=alone, configfile=alone / "study.yaml")
    assert done.returncode == 0, done.stdout
    shown = " ".join(page.read_text().replace("\\n", " ").split())
    assert "trains nothing" in shown
    assert "fine-tunes an autoencoder on its images" not in shown
    assert "figures/external_errors/made_up.svg" in shown
    again = snakemake(cwd=alone, configfile=alone / "study.yaml")
    assert "Nothing to be done" in again.stdout


@pytest.mark.parametrize(
    ("file", "again"),
    [
        ("scores.csv", {"read_scores", "join_errors", "join_latents"}),
        ("errors.csv", {"join_errors"}),
        ("latents.parquet", {"join_latents"}),
    ],
)
def test_of_a_given_table_the_content_decides_not_the_time(
    alone: Path, snakemake: Snakemake, tmp_path: Path, file: str, again: set[str]
) -> None:
    study = shutil.copytree(alone, tmp_path / "study", symlinks=True)
    for table in ("scores.csv", "errors.csv", "latents.parquet"):
        (study / table).touch()
    assert dry_run(snakemake, study) == {}
    made_at = (study / file).stat().st_mtime_ns - 10**15
    os.utime(study / file, ns=(made_at, made_at))
    put_back(study / file, lambda: change(study / file))
    planned = set(dry_run(snakemake, study))
    assert planned & {"read_scores", "join_errors", "join_latents"} == again
    assert "record_provenance" in planned


def test_where_nothing_joins_the_console_says_what_keeps_the_rows_apart(
    alone: Path, snakemake: Callable[..., Any], tmp_path: Path
) -> None:
    """The data set is a table of scores by any other name, too."""
    for name in ("scores.csv", "errors.csv", "latents.parquet"):
        shutil.copy(alone / name, tmp_path)
    columns = {"file": "image_file", "score": "memorability_w_fa_correction"}
    dataset = {"kind": "table", "scores": "scores.csv", "columns": columns}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY | {"dataset": dataset}))
    errors = pd.read_csv(tmp_path / "errors.csv", dtype={"image": str})
    errors["image"] = "/data/MemCat/" + errors["image"].str.upper()
    errors.to_csv(tmp_path / "errors.csv", index=False)
    target = f"{RESULTS}/external_errors/protocol=external/loss=made_up/part.parquet"
    done = snakemake(target, cwd=tmp_path, configfile=tmp_path / "study.yaml")
    assert done.returncode != 0
    flowing = " ".join(done.stdout.split())
    assert "none of 59 rows belongs to one of the 60 images of the study" in flowing
    assert "Both without directories and in lower case, 59 of them would." in flowing
    assert "Traceback" not in done.stdout
    assert not (tmp_path / target).exists()


def test_a_study_with_runs_sets_tables_made_elsewhere_beside_them(
    tiny: Callable[..., Path], snakemake: Callable[..., Any]
) -> None:
    source = {"file": "data/errors.csv", "columns": {"file": "file", "error": "e"}, "loss": "mse"}
    directory = tiny(external_errors={"mse": source})
    scores = pd.read_csv(directory / "data/scores.csv")
    errors = scores[["file"]].assign(e=np.random.default_rng(0).random(len(scores)))
    errors.to_csv(directory / "data/errors.csv", index=False)
    figures = "results/tiny/figures"
    done = snakemake(
        "results/tiny/tables/table_1.tsv", "results/tiny/tables/selection.parquet",
        f"{figures}/selection.svg", f"{figures}/errors/mse.svg",
        f"{figures}/external_errors/mse.svg",
        cwd=directory, configfile=directory / "study.yaml",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    table = pd.read_csv(directory / "results/tiny/tables/table_1.tsv", sep="\t")
    assert set(table["loss"]) == {"MSE", "MSE, external"}
    chosen = store.read(directory / "results/tiny/tables/selection.parquet", "selection")
    assert set(chosen["protocol"]) == {"untrained_start"}
    for name in ("selection.svg", "errors/mse.svg"):
        assert "MSE, external" not in (directory / figures / name).read_text()
    assert "MSE, external" in (directory / figures / "external_errors/mse.svg").read_text()


@pytest.mark.real_data
@pytest.mark.skipif(not MEMCAT.is_file(), reason=f"no score table at {MEMCAT}")
def test_memcats_own_table_takes_under_two_minutes_of_two_cores(
    snakemake: Callable[..., Any], pristine: Path, tmp_path: Path
) -> None:
    study = yaml.safe_load((pristine / "studies/from-tables.yaml").read_text())
    made_up = study["external_errors"].pop("lpips_squeeze")
    study["external_errors"]["made_up"] = made_up
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    shutil.copy(MEMCAT, tmp_path / study["dataset"]["scores"])
    make_up(tmp_path, pd.read_csv(MEMCAT, dtype={"image_file": str}))
    before = os.times()
    done = snakemake(cwd=tmp_path, configfile=tmp_path / "study.yaml")
    after = os.times()
    assert done.returncode == 0, done.stdout
    # Of the processor, which does not depend on what else runs on this machine.
    seconds = after.children_user + after.children_system
    assert seconds - before.children_user - before.children_system < 2 * 120
    results = tmp_path / "results/from-tables/tables"
    claims = store.read(results / "claims.parquet", "claims").set_index("claim")
    assert claims.loc["consistency.memcat", "verdict"] == "equivalent"
    assert claims.loc[["dataset.images", "dataset.mean_score"], "verdict"].unique() == "as printed"
    figure = claims.loc["table_1.lpips_squeeze"]
    assert (figure["by"], figure["data"]) == ("external error: made_up", "published set")
    assert (figure["n"], figure["error_of"]) == (9_999, "one run")


def test_a_memory_game_alone_has_a_first_page(
    snakemake: Callable[..., Any], tmp_path: Path
) -> None:
    """Its trials are enough: there is nothing that could correlate with the scores."""
    made = small_game(tmp_path, participants=12)
    results = ResultStore(made.folder)
    stream = np.random.default_rng(2)
    for number in range(12):
        sequence = results.begin(participant(number), {})["sequence"]
        rows = showings(made.folder, sequence).to_dict("records")
        sent = [
            trial(
                row["position"], bool(row["repeat"] and (row["image"] < 0 or stream.random() < 0.7))
            )
            for row in rows
        ]
        results.add(participant(number), sent)
    write_scores(score_game(*read_game(made.folder), seed=0), tmp_path / "scores", name="A game")
    trials = "scores/data/description-trials_data.csv"
    game = {"dataset": {"kind": "game", "trials": trials}, "runs": None}
    study = {"study": "game", **game, "statistics": {"bootstrap": 200}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    planned = dry_run(snakemake, tmp_path)
    assert "score_trials" in planned
    assert not {"measure_increments", "plot_forest", *TRAINING} & planned.keys()
    page = "results/game/tables/summary.html"
    done = snakemake(page, cwd=tmp_path, configfile=tmp_path / "study.yaml")
    assert done.returncode == 0, done.stdout
    assert "can test none of the" in (tmp_path / page).read_text(encoding="utf-8")
