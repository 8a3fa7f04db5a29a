"""Predictors on data sets that they were not fitted to: images, scores, and correlations of scipy."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats

from memorability.base.errors import InputError
from memorability.images.decoding import STANDARD
from memorability.memory_game.ceiling import noise_ceiling
from memorability.memory_game.scoring import score_counts
from memorability.pixel_predictors.contract import Given, PixelPredictor
from memorability.pixel_predictors.fitted_file import write_diverged
from memorability.prediction.names import OWN_TEST_IMAGES
from memorability.scorer import further_sets
from memorability.scorer.further_sets import (
    PUBLISHED,
    FurtherImages,
    FurtherSettings,
    SetOfImages,
    compare_further,
    fits_of,
    further_images,
    own_images,
    own_scores,
    score_further,
)
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store
from tests.unit.scorer.test_study_images import FACTS, Brightness, prepare

BOOTSTRAP = Bootstrap(draws=100, confidence=0.95, seed=0)
COLUMNS = {"file": "name", "score": "value"}
RATES = ("score_uncorrected", "false_alarm_rate")
FITTED, FOUND = "hog2x2", "resmem_published"


def images(n: int, seed: int, *, subcategories: int = 1) -> pd.DataFrame:
    """Return an image table with counts."""
    stream = np.random.default_rng(seed)
    hits = stream.binomial(80, stream.uniform(0.4, 0.9, n))
    counts = pd.DataFrame(
        {"hits": hits, "false_alarms": stream.binomial(80, 0.1, n), "responses": 80}
    )
    return score_counts(counts).assign(
        image_id=[f"{seed}-{number}" for number in range(n)],
        category=[f"c{number % 2}" for number in range(n)],
        subcategory=[f"c{number % 2}s{number % subcategories}" for number in range(n)],
    )


def scores(table: pd.DataFrame, name: str, **noise: float) -> pd.DataFrame:
    """Return scores of a set: of a fit to each of three scores, and of a published predictor."""
    stream = np.random.default_rng(5)
    parts = [
        pd.DataFrame(
            {
                "set": name, "head": FITTED, "image_id": table["image_id"], "fitted_to": target,
                "predicted": table[target] + 0.1 * stream.normal(size=len(table)),
            }
        )
        for target in ("score", *RATES)
    ]  # fmt: skip
    published = parts[0].assign(head=FOUND, fitted_to=PUBLISHED, predicted=table["score"])
    return pd.concat([*parts, published], ignore_index=True)


def one_set(name: str, images_from: tuple[str, ...] | None) -> SetOfImages:
    return SetOfImages(
        name=name, targets=("score", *RATES), images_from=images_from, bootstrap=BOOTSTRAP
    )


SETTINGS = FurtherSettings(
    sets=(
        one_set(OWN_TEST_IMAGES, ("other",)),
        one_set("mine", None),
        one_set("memcat", ("memcat",)),
    ),
    own_starts=(),
)
OWN, MINE, MEMCAT = images(40, 1), images(60, 2, subcategories=24), images(30, 3)
ALL = {OWN_TEST_IMAGES: OWN, "mine": MINE, "memcat": MEMCAT}
SCORES = pd.concat([scores(table, name) for name, table in ALL.items()], ignore_index=True)


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    table = compare_further(ALL, SCORES, failures={}, settings=SETTINGS)
    schema = store.SCHEMAS["test_sets"][1]
    schema.validate(table[list(schema.columns)])
    return table.set_index(["set", "target", "head", "fitted_to"]).sort_index()


def test_correlations_and_errors_are_those_of_scipy_and_numpy(found: pd.DataFrame) -> None:
    for name, table in ALL.items():
        for target in ("score", *RATES):
            own = SCORES[(SCORES["set"] == name) & (SCORES["head"] == FITTED)]
            predicted = own.loc[own["fitted_to"] == target, "predicted"].to_numpy()
            row = found.loc[(name, target, FITTED, target)]
            assert row["r"] == pytest.approx(stats.spearmanr(predicted, table[target]).statistic)
            assert row["mse"] == pytest.approx(np.mean((predicted - table[target]) ** 2))
            assert row["ci_low"] < row["r"] < row["ci_high"]
            assert row["n"] == len(table)


def test_hits_are_compared_with_hits_and_false_alarms_with_false_alarms(
    found: pd.DataFrame,
) -> None:
    fits = {target: set(found.loc[("mine", target, FITTED)].index) for target in ("score", *RATES)}
    assert fits == {
        "score": {"score", "score_uncorrected"},
        "score_uncorrected": {"score", "score_uncorrected"},
        "false_alarm_rate": {"false_alarm_rate"},
    }
    assert set(found.xs(FOUND, level="head").index.get_level_values("target")) == set(fits)
    predicts = found.xs("score", level="target")["predicts"]
    assert set(predicts.xs(FOUND, level="head")) == {"hit rate"}
    assert set(predicts.xs(FITTED, level="head")) == {"score", "score_uncorrected"}


def test_each_set_has_its_own_ceiling_units_and_knowledge(found: pd.DataFrame) -> None:
    ceilings = noise_ceiling(MEMCAT, bootstrap=BOOTSTRAP)
    ceilings = ceilings[(ceilings["group"] == "all") & (ceilings["method"] == "pooled")]
    ours = found.loc[("memcat", "score_uncorrected")]["ceiling"]
    expected = ceilings.set_index("target")["ceiling"]["score_uncorrected"]
    np.testing.assert_allclose(ours, expected)
    units = found.groupby("set")["unit"].first()
    assert dict(units) == {OWN_TEST_IMAGES: "images", "memcat": "images", "mine": "subcategories"}
    known = found.groupby(["set", "head"])["trained_on_these_images"].first()
    assert dict(known) == {
        (OWN_TEST_IMAGES, FITTED): "training part", (OWN_TEST_IMAGES, FOUND): "no",
        ("mine", FITTED): "unknown", ("mine", FOUND): "unknown",
        ("memcat", FITTED): "no", ("memcat", FOUND): "yes",
    }  # fmt: skip


def test_an_image_that_one_predictor_cannot_read_is_left_out_for_all() -> None:
    unread = SCORES["image_id"].isin(["2-0", "2-1"]) & (SCORES["head"] == FOUND)
    some = SCORES.assign(predicted=SCORES["predicted"].mask(unread))
    own = {
        **ALL,
        "mine": MINE.assign(score_uncorrected=MINE["score_uncorrected"].mask(MINE.index < 5)),
    }
    rows = compare_further(own, some, failures={}, settings=SETTINGS)
    rows = rows[rows["set"] == "mine"].groupby("target")[["n", "left_out"]].agg(["min", "max"])
    assert rows.loc["score"].tolist() == [58, 58, 2, 2]
    # Without a measured hit rate they are not left out, but not there.
    assert rows.loc["score_uncorrected"].tolist() == [55, 55, 0, 0]


def test_where_no_image_is_read_by_all_there_are_rows_that_say_so() -> None:
    unread = (SCORES["set"] == "mine") & (SCORES["head"] == FOUND)
    none = SCORES.assign(predicted=SCORES["predicted"].mask(unread))
    rows = compare_further(ALL, none, failures={}, settings=SETTINGS)
    schema = store.SCHEMAS["test_sets"][1]
    schema.validate(rows[list(schema.columns)])
    mine = rows[rows["set"] == "mine"]
    assert len(mine) == len(rows[rows["set"] == "memcat"])
    assert set(zip(mine["n"], mine["left_out"], strict=True)) == {(0, 60)}
    assert mine[["r", "mse", "ceiling"]].isna().all(axis=None)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_of_few_images_without_counts_there_are_rows_without_figures(n: int) -> None:
    few = MINE.head(n).drop(columns=["hits", "false_alarms", "responses"])
    ids = {*few["image_id"], *OWN["image_id"], *MEMCAT["image_id"]}
    rows = compare_further(
        {**ALL, "mine": few}, SCORES[SCORES["image_id"].isin(ids)], failures={}, settings=SETTINGS
    )
    rows = rows[rows["set"] == "mine"]
    assert set(rows["n"]) == {n}
    assert rows[["ci_low", "ci_high", "ceiling"]].isna().all(axis=None)
    assert rows["mse"].notna().all()


def test_own_scores_are_those_of_the_test_images() -> None:
    split = pd.DataFrame({"image_id": ["a", "b", "c"], "split": ["train", "test", "test"]})
    rows = pd.DataFrame({"image_id": ["a", "b", "c"], "predicted": [0.1, 0.2, 0.3]})
    table = own_scores([("score", FITTED, rows), (PUBLISHED, FOUND, rows)], split)
    assert list(table["image_id"]) == ["b", "c", "b", "c"]
    assert list(table["predicted"]) == [0.2, 0.3, 0.2, 0.3]
    assert list(table["fitted_to"]) == ["score", "score", PUBLISHED, PUBLISHED]
    assert set(table["set"]) == {OWN_TEST_IMAGES}
    known = pd.DataFrame({"image_id": ["c", "a", "b"], "score": [0.3, 0.1, 0.2]})
    learned = split.assign(score=[0.11, 0.22, 0.33])
    assert list(own_images(known, learned)["score"]) == [0.33, 0.11, 0.22]


def test_images_are_the_rows_with_a_score_and_a_file_and_each_is_scored_by_each_fit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for grey in (50, 100, 200):
        Image.new("RGB", (9, 7), (grey,) * 3).save(folder / f"{grey}.png")
    (folder / "torn.png").write_bytes(b"no image")
    names = ["200.png", "100.png", "torn.png", "absent.png", "50.png"]
    rows = pd.DataFrame({"name": names, "value": [0.9, 0.4, 0.5, 0.5, np.nan]})
    rows.to_csv(tmp_path / "scores.csv", index=False)
    how = FurtherImages(columns=COLUMNS, on_bad_image="reject", seed=0)
    table = further_images(tmp_path / "scores.csv", folder, how)
    assert list(table["file"]) == ["100.png", "200.png", "torn.png"]
    assert "1 of 4 rows have no image" in caplog.text
    predictor = PixelPredictor(facts=FACTS, prepare=prepare, network=Brightness())
    scored = score_further(
        {"score": predictor, "false_alarm_rate": predictor}, table, folder,
        decoding=STANDARD, device="cpu", threads=1,
    )  # fmt: skip
    scored = scored.set_index(["image_id", "fitted_to"])
    for target in ("score", "false_alarm_rate"):
        assert scored["predicted"]["100", target] == pytest.approx(100 / 255)
        assert scored["predicted"]["200", target] == pytest.approx(200 / 255)
        assert np.isnan(scored["predicted"]["torn", target])
        assert scored["reason"]["torn", target]
    without = pd.concat([rows, rows.tail(1).assign(name="x.png")])
    without.to_csv(tmp_path / "scores.csv", index=False)
    stop = FurtherImages(columns=COLUMNS, on_bad_image="stop", seed=0)
    with pytest.raises(InputError, match="2 rows have no score"):
        further_images(tmp_path / "scores.csv", folder, stop)


def test_a_predictor_is_opened_once_for_each_of_its_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(further_sets, "open_with", lambda head, given: (head, given.weights))
    published = Given(weights=(tmp_path / "w.pt",))
    assert fits_of(FOUND, [], published) == {PUBLISHED: (FOUND, published.weights)}
    files = [tmp_path / f"{target}.safetensors" for target in ("score", *RATES)]
    opened = fits_of(FITTED, files, Given(weights=()))
    assert opened == {file.stem: (FITTED, (file,)) for file in files}


def test_a_fit_that_diverged_is_left_out_and_scores_nothing(tmp_path: Path) -> None:
    write_diverged("resnet50_narrow", "The training diverged.", tmp_path / "score.safetensors")
    fits = fits_of("resnet50_narrow", [tmp_path / "score.safetensors"], Given(weights=()))
    assert fits == {}
    table = score_further(fits, MINE, tmp_path, decoding=STANDARD, device="cpu", threads=1)
    store.write(table, tmp_path / "set=mine" / "head=hog2x2" / "part.parquet", "test_set_scores")
    assert table.empty


def test_fits_that_diverged_are_rows_with_the_reason_and_change_no_other_row() -> None:
    lost = {(FITTED, "score"): "It diverged.", (FITTED, "false_alarm_rate"): "It diverged, too."}
    there = ~((SCORES["head"] == FITTED) & (SCORES["fitted_to"] != "score_uncorrected"))
    rows = compare_further(ALL, SCORES[there], failures=lost, settings=SETTINGS)
    schema = store.SCHEMAS["test_sets"][1]
    schema.validate(rows[list(schema.columns)])
    key = ["set", "target", "head", "fitted_to"]
    whole = compare_further(ALL, SCORES, failures={}, settings=SETTINGS)
    assert set(rows[key].itertuples(index=False)) == set(whole[key].itertuples(index=False))
    good = rows[rows["reason"] == ""].set_index(key).sort_index()
    same = whole.set_index(key).loc[good.index]
    pd.testing.assert_series_equal(good["r"], same["r"])
    bad = rows[rows["reason"] != ""]
    assert set(bad["n"]) == {0}
    assert bad[["r", "mse", "ceiling"]].isna().all(axis=None)
    reasons = bad.groupby("target")["reason"].unique().map(list)
    assert dict(reasons) == {
        "score": ["It diverged."], "score_uncorrected": ["It diverged."],
        "false_alarm_rate": ["It diverged, too."],
    }  # fmt: skip


def test_where_every_fit_diverged_there_are_rows_of_reasons_alone() -> None:
    lost = {(FITTED, target): "It diverged." for target in ("score", *RATES)}
    rows = compare_further(ALL, SCORES.iloc[:0], failures=lost, settings=SETTINGS)
    schema = store.SCHEMAS["test_sets"][1]
    schema.validate(rows[list(schema.columns)])
    assert set(rows["reason"]) == {"It diverged."}
    assert set(rows["set"]) == set(ALL)
