"""The embedded study itself, as `make sample` runs it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from memorability.data.sample import PLANTED_EFFECTS
from memorability.features.names import OBJECT_FEATURES
from memorability.scorer.over_splits import AVERAGED, over_splits
from memorability.tables import store
from tests.standins import photograph

pytestmark = pytest.mark.long

PREDICTORS = {"hog2x2", "resnet50_narrow", "memnet_narrow"}


def assert_scores_of_photographs(sample: Path, directory: Path) -> Path:
    """Write the sample study, which also tests its predictors on 30 photographs, one of them torn."""
    (directory / "photographs").mkdir()
    stream = np.random.default_rng(0)
    hits = stream.binomial(60, stream.uniform(0.4, 0.9, 30))
    table = pd.DataFrame({"hits": hits, "false_alarms": stream.binomial(60, 0.1, 30)})
    table = table.assign(file=[f"{number}.jpg" for number in range(30)], responses=60)
    table["score"] = (table["hits"] - table["false_alarms"]) / 60
    for number, file in enumerate(table["file"]):
        content = photograph(number) if number else b"torn"
        (directory / "photographs" / file).write_bytes(content)
    table.to_csv(directory / "photographs.csv", index=False)
    study = yaml.safe_load(sample.read_text(encoding="utf-8"))
    study["prediction"]["test_on"] = {
        "photographs": {
            "kind": "folder",
            "images": "photographs",
            "scores": "photographs.csv",
            "columns": {name: name for name in table},
        }
    }
    path = directory / "study.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def sample(
    pristine: Path, snakemake: Callable[..., object], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    study = assert_scores_of_photographs(pristine / "studies" / "sample.yaml", directory)
    done = snakemake(cwd=directory, configfile=study)
    assert done.returncode == 0, done.stdout
    report = snakemake("--report", "report.html", cwd=directory, configfile=study)
    assert report.returncode == 0, report.stdout
    return directory


def test_a_second_run_does_nothing(sample: Path, snakemake: Callable[..., object]) -> None:
    again = snakemake(cwd=sample, configfile=sample / "study.yaml")
    assert "Nothing to be done" in again.stdout


def test_the_report_says_first_that_observers_are_simulated(sample: Path) -> None:
    text = (sample / "report.html").read_text()
    assert "Observers are simulated" in text
    assert "LPIPS and style losses use random backbones" in text


def test_scores_recover_the_planted_memorability(sample: Path) -> None:
    images = store.read(sample / "results/sample/images/squash/images.parquet", "images")
    planted = store.read(sample / "results/sample/dataset/planted.parquet", "planted")
    both = images[["image_id", "score"]].merge(planted, on="image_id")
    assert len(both) == len(planted) == 120
    truth = both["memorability"] - both["false_alarm_rate"]
    # With about 77 responses per image, chance alone leaves a correlation of 0.9.
    assert both["score"].corr(truth) > 0.85


def test_what_was_planted_is_found(sample: Path) -> None:
    found = store.read(sample / "results/sample/tables/planted_effects.parquet", "planted_effects")
    assert set(PLANTED_EFFECTS) < set(found["effect"])
    # Of twelve intervals at 95 % more than two miss in 2 % of samples.
    assert found["contains"].sum() >= len(found) - 2
    assert found.loc[found["kind"] == "property", "contains"].all()


def test_no_nearly_equal_crops_are_in_two_parts_of_the_split(sample: Path) -> None:
    pairs = store.read(sample / "results/sample/tables/near_duplicates.parquet", "near_duplicates")
    assert not pairs["straddles"].any()


def test_planted_effects_show_in_table_2_with_their_sign(sample: Path) -> None:
    table = store.read(sample / "results/sample/tables/table_2.parquet", "table_2")
    rows = table[table["target"] == "score"].set_index("feature")
    assert min(PLANTED_EFFECTS.values()) > 0
    for feature in ("saturation", "clutter_score"):
        assert rows.loc[feature, "given_category_ci_low"] > 0
        assert rows.loc[feature, "given_category_p_holm"] < 0.05


def test_features_that_need_weights_are_missing_and_nothing_stands_for_them(sample: Path) -> None:
    table = store.read(sample / "results/sample/tables/table_2.parquet", "table_2")
    missing = table[table["feature"].isin(OBJECT_FEATURES)]
    assert missing["r"].isna().all()
    assert (missing["unavailable"] != "").all()
    claims = store.read(sample / "results/sample/tables/claims.parquet", "claims")
    claims = claims.set_index("claim").loc["table_2.object_count.memorability"]
    assert claims["verdict"] == "not testable"
    assert "weights.source is random" in claims["why"]


def test_predictors_of_pixels_are_compared_for_every_score(sample: Path) -> None:
    name = "predictor_comparison"
    table = store.read(sample / f"results/sample/tables/{name}.parquet", name)
    heads = {*PREDICTORS, "mlp", "category_mean"}
    for target, rows in table.groupby("target"):
        assert heads < set(rows["head"]), target
        # Scores were simulated: nothing can know those of the test images.
        assert set(rows["trained_on_these_images"]) == {"training part"}
        assert (rows["n"] == 37).all()
    assert table["target"].nunique() == 3
    features = store.read(sample / "results/sample/tables/per_image.parquet", "per_image")
    assert {f"predicted_{name}" for name in PREDICTORS} < set(features)


def test_what_a_predictor_of_pixels_leans_on_is_shown(sample: Path) -> None:
    tables = {
        name: store.read(sample / f"results/sample/tables/{name}.parquet", name)
        for name in ("ablations", "ablation_answers", "map_agreement", "units", "latent_map")
    }
    rows = tables["ablations"].set_index(["group", "ablation"])
    assert (rows.loc["all", "n"] == 12).all()
    assert rows.loc[("all", "grey"), "absolute"] > 0
    assert set(tables["ablation_answers"]["measure"]) == {"absolute", "beyond_noise"}
    assert tables["map_agreement"]["r"].notna().all()
    assert (tables["units"]["n"] == 37).all()
    assert set(tables["latent_map"]["embedding"]) == {
        "autoencoder", "small_vae", "resnet50_narrow",
    }  # fmt: skip
    curve = store.read(sample / "results/sample/where/small_vae.parquet", "small_vae")
    kept = curve.loc[curve["kept"], "held_out_loss"].item()
    assert kept < curve["held_out_loss"].iloc[0]


def test_mapped_images_are_drawn_and_scored_by_a_predictor_that_made_no_map(sample: Path) -> None:
    results = sample / "results/sample"
    tests = store.read(results / "tables/modified_tests.parquet", "modified_tests")
    made = tests.drop_duplicates("predictor").set_index("predictor")["made_map"]
    assert made.to_dict() == {name: name == "resnet50_narrow" for name in PREDICTORS}
    assert (tests["n"] == 12).all()
    assert len([*(results / "where/stimuli").rglob("*.png")]) == 12 * 4


def test_planted_attributes_are_found(sample: Path) -> None:
    tables = sample / "results/sample/tables"
    attributes = store.read(tables / "attributes.parquet", "attributes")
    rows = attributes.set_index(["attribute", "given"])
    for name in ("popularity", "fixation_consistency"):
        assert rows.loc[(name, "nothing"), "p_holm"] < 0.05
    # Popularity goes with memorability through the source alone.
    r = rows["r"]
    assert r["popularity", "source"] < r["fixation_consistency", "source"]
    assert rows.loc[("aesthetics", "nothing"), "ci_low"] < 0
    tests = store.read(tables / "source_tests.parquet", "source_tests")
    pairs = tests.set_index(["first", "second"])["p_holm"]
    assert pairs["snapshots", "archive"] < 0.05


def test_predictors_of_pixels_are_tested_on_other_photographs(sample: Path) -> None:
    table = store.read(sample / "results/sample/tables/test_sets.parquet", "test_sets")
    assert set(table["set"]) == {"own test images", "photographs"}
    other = table[table["set"] == "photographs"]
    # Fits to hits or corrected scores are compared with both, those to false alarms with these.
    assert len(other) == len(PREDICTORS) * (2 * 2 + 1)
    assert set(zip(other["n"], other["left_out"], strict=True)) == {(29, 1)}
    assert set(other["trained_on_these_images"]) == {"unknown"}
    assert other["ceiling"].notna().all()
    compared = store.read(
        sample / "results/sample/tables/predictor_comparison.parquet", "predictor_comparison"
    )
    own = table[(table["set"] != "photographs") & (table["target"] == table["fitted_to"])]
    own = own.set_index(["target", "head"])["r"]
    assert own.to_dict() == pytest.approx(
        compared.set_index(["target", "head"])["r"].loc[own.index].to_dict()
    )


def test_trainings_on_pixels_leave_their_errors_by_epoch(sample: Path) -> None:
    table = store.read(sample / "results/sample/tables/pixel_training.parquet", "pixel_training")
    trainings = table.groupby(["head", "target"])["epoch"].agg(["min", "max", "size"])
    assert {head for head, _ in trainings.index} == PREDICTORS - {"hog2x2"}
    assert len(trainings) == 2 * 3
    assert (trainings["min"] == 1).all()
    assert (trainings["max"] == trainings["size"]).all()


@pytest.mark.parametrize("name", AVERAGED)
def test_its_tables_can_be_averaged_over_splits(sample: Path, name: str) -> None:
    table = store.read(sample / f"results/sample/tables/{name}.parquet", name)
    moved = table.assign(**{figure: table[figure] + 0.02 for figure in AVERAGED[name][1]})
    found = over_splits(name, {"first": table, "second": moved})
    assert len(found) == len(table) * len(AVERAGED[name][1])
    known = found[found["splits"] == 2]
    assert len(known) > len(found) / 2
    np.testing.assert_allclose(known["mean"], known["in_first"] + 0.01)
    np.testing.assert_allclose(known["sd"], 0.02 / np.sqrt(2))


def test_no_job_needs_four_gigabytes(sample: Path) -> None:
    lines = [
        json.loads(line)
        for path in (sample / "results/sample/benchmarks").rglob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    peaks = pd.to_numeric(pd.Series([line["max_rss"] for line in lines]), errors="coerce")
    assert len(peaks) >= 30
    assert peaks.max() < 4096
