"""The table of what quantities add, from tables as a study has them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.analysis.gathering import from_distinctiveness, from_errors
from memorability.analysis.incremental import COLUMNS, incremental
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store

N = 400
BOOTSTRAP = Bootstrap(draws=100, confidence=0.95, seed=0)
NOISE = np.random.default_rng(8).normal(size=(8, N))
IDS = [f"i{number:03d}" for number in range(N)]
KEYS = {"metric": "mse", "backbone": "none", "trained_by": "", "published": "", "sign": "distance"}
OUTCOMES = pd.DataFrame(columns=["protocol", "loss", "lr", "seed", "outcome"])


def images(*, labelled: bool = True) -> pd.DataFrame:
    place = np.arange(N) % 20
    return pd.DataFrame(
        {
            "image_id": IDS,
            "category": np.where((place < 10) & labelled, "a", "b"),
            "subcategory": [f"s{number}" for number in place] if labelled else "",
            "score": NOISE[0] + 0.5 * NOISE[1] + 0.5 * NOISE[2] + (place < 10),
        }
    )


def errors(lr: str = "1e-3", seed: int = 0, place: int = 1, **changes: Any) -> pd.DataFrame:
    table = pd.DataFrame({"image_id": IDS, "error": NOISE[place] + 0.2 * NOISE[6 + seed]})
    run = {"protocol": "paper", "loss": "mse", "lr": lr, "seed": str(seed), "epoch": 1}
    return table.assign(**KEYS | run | changes)


def quantities() -> pd.DataFrame:
    """Errors of two seeds and two learning rates, of which one knows nothing, and distinctiveness."""
    runs = [errors(lr, seed, place) for lr, place in (("1e-3", 1), ("1e-4", 3)) for seed in (0, 1)]
    distinct = errors().rename(columns={"error": "distinctiveness"}).drop(columns=list(KEYS))
    distinct["distinctiveness"] = NOISE[4]
    measures = [
        distinct.assign(metric=name) for name in ("nearest_neighbour", "local_outlier_factor")
    ]
    return pd.concat(
        [from_errors(pd.concat(runs)), from_distinctiveness(pd.concat(measures))], ignore_index=True
    )


def features(*names: str) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"image_id": IDS, "feature": name, "value": NOISE[place]})
        for place, name in zip((2, 3, 4), names, strict=False)
    ]
    return pd.concat(parts) if parts else pd.DataFrame(columns=["image_id", "feature", "value"])


def controls(*, any_there: bool = True) -> pd.DataFrame:
    table = pd.DataFrame({"image_id": IDS, "metric": "jpeg_bytes", "model": "", "error": NOISE[2]})
    untrained = table.assign(metric="mse", model="untrained", error=NOISE[1])
    both = pd.concat([table, table.assign(metric="spectral_slope", error=NOISE[5]), untrained])
    return both if any_there else both.iloc[:0]


def predictions(*, images: int = 0) -> pd.DataFrame:
    table = pd.DataFrame({"head": "resmem", "image_id": IDS, "predicted": NOISE[1]})
    return table.iloc[:images]


def made(**changes: Any) -> pd.DataFrame:
    given = {
        "images": images(), "values": quantities(), "outcomes": OUTCOMES, "controls": controls(),
        "features": features("saturation", "image_entropy"), "predictions": predictions(),
    } | changes  # fmt: skip
    table = incremental(
        given["images"], given["values"], given["outcomes"], controls=given["controls"],
        features=given["features"], predictions=given["predictions"], target="score",
        bootstrap=BOOTSTRAP,
    )  # fmt: skip
    schema = store.SCHEMAS["incremental"][1]
    schema.validate(table[[*schema.columns]])
    return table


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return made()


def found(table: pd.DataFrame, quantity: str, beyond: str) -> pd.Series:
    rows = table[(table["quantity"] == quantity) & (table["beyond"] == beyond)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_each_quantity_stands_beyond_labels_and_beyond_controls(table: pd.DataFrame) -> None:
    assert list(table.columns) == COLUMNS
    assert list(zip(table["quantity"], table["beyond"], strict=True)) == [
        ("labels", "nothing"), ("low_level", "labels"),
        ("error", "labels"), ("error", "labels, low_level"),
        ("distinctiveness", "labels"), ("distinctiveness", "labels, low_level"),
        ("feature", "labels, feature"), ("feature", "labels, feature"),
    ]  # fmt: skip
    assert set(table["metric"]) == {
        "labels", "low_level", "mse", "nearest_neighbour", "saturation", "image_entropy",
    }  # fmt: skip


def test_what_is_planted_is_found(table: pd.DataFrame) -> None:
    share = 0.25 / (1 + 0.25 + 0.25 + 0.25)
    error = found(table, "error", "labels")
    assert error["difference"] == pytest.approx(share / 1.04, abs=0.04)
    assert error["ci_low"] > 0.14
    assert (error["seeds"], error["unit"], error["lr"]) == (2, "subcategories and seeds", "1e-3")
    assert found(table, "distinctiveness", "labels")["p"] > 0.05
    of_features = table[table["quantity"] == "feature"].set_index("metric")
    assert of_features.loc["saturation", "ci_low"] > 0.14
    assert of_features.loc["image_entropy", "p"] > 0.05
    assert (of_features["p_holm"] >= of_features["p"]).all()
    # The first control is the second half of what is planted.
    low_level = found(table, "low_level", "labels")
    assert low_level["difference"] == pytest.approx(share, abs=0.04)
    assert low_level["r2_with"] == found(table, "error", "labels, low_level")["r2_without"]


def test_an_untrained_autoencoder_is_no_low_level_control(table: pd.DataFrame) -> None:
    # Its error would take all that the model's error adds.
    assert found(table, "error", "labels, low_level")["ci_low"] > 0.14


def test_beyond_a_predictor_that_knows_it_an_error_adds_nothing() -> None:
    table = made(predictions=predictions(images=N))
    row = found(table, "error", "labels, low_level, predictors")
    assert row["difference"] < 0.005
    assert row["p"] > 0.05
    assert found(table, "predictors", "labels, low_level")["ci_low"] > 0.14


def test_a_predictor_of_some_images_leaves_out_the_others() -> None:
    table = made(predictions=predictions(images=300)).set_index(["quantity", "beyond"])
    assert table.loc[("error", "labels, low_level, predictors"), "n"] == 300
    assert table.loc[("error", "labels, low_level"), "n"] == N


def test_without_labels_controls_and_features_errors_stand_alone() -> None:
    table = made(
        images=images(labelled=False), controls=controls(any_there=False), features=features()
    )
    assert list(table["beyond"]) == ["nothing", "nothing"]
    assert set(table["quantity"]) == {"error", "distinctiveness"}
    assert set(table["unit"]) == {"images and seeds", "images"}
    assert table["clusters"].isna().all()


def test_runs_that_diverged_are_left_out() -> None:
    lost = pd.DataFrame(
        [{"protocol": "paper", "loss": "mse", "lr": "1e-3", "seed": "1", "outcome": "diverged"}]
    )
    values = quantities()
    gone = (values["lr"] == "1e-3") & (values["seed"] == "1") & (values["quantity"] == "error")
    values.loc[gone, "value"] = np.nan
    # Of the other learning rate both seeds finished.
    assert found(made(values=values, outcomes=lost), "error", "labels")["lr"] == "1e-4"
    every = pd.concat(
        [lost.assign(lr=lr, seed=seed) for lr in ("1e-3", "1e-4") for seed in ("0", "1")]
    )
    values.loc[values["quantity"] == "error", "value"] = np.nan
    row = found(made(values=values, outcomes=every), "error", "labels")
    assert (row["n"], row["ci_method"]) == (0, "none (diverged)")
