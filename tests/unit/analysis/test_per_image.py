"""One flat table of all images."""

from typing import Any

import numpy as np
import pandas as pd

from memorability.analysis.gathering import MODEL_KEYS
from memorability.analysis.per_image import per_image
from memorability.base.run_keys import RUN_KEYS
from memorability.tables import store

IDS = ["a", "b"]
IMAGES = pd.DataFrame(
    {
        "image_id": IDS, "file": ["a.jpg", "b.jpg"], "category": "all", "subcategory": "",
        "hits": pd.array([1, None], dtype="Int64"), "score": [0.5, 0.25], "position": [0, 1],
    }
)  # fmt: skip
NONE = pd.DataFrame(columns=[*RUN_KEYS, "outcome"])


def values(quantity: str, loss: str, lr: str, **seeds: list[float]) -> pd.DataFrame:
    """The values of both images under the runs of one model."""
    keys = dict.fromkeys(MODEL_KEYS, "") | {
        "quantity": quantity, "metric": loss, "protocol": "paper", "loss": loss, "lr": lr,
    }  # fmt: skip
    return pd.concat(
        [
            pd.DataFrame({"image_id": IDS, "value": value}).assign(**keys, seed=seed[1:])
            for seed, value in seeds.items()
        ],
        ignore_index=True,
    )


def marked(table: pd.DataFrame, *best: str) -> pd.DataFrame:
    """The correlations of the same models: these learning rates are the best."""
    keys = table[MODEL_KEYS].drop_duplicates()
    return keys.assign(selected=keys["lr"].isin(best))


def flat(
    errors: pd.DataFrame, *best: str, outcomes: pd.DataFrame = NONE, **more: Any
) -> pd.DataFrame:
    return per_image(
        IMAGES, [errors], [marked(errors, *best)], outcomes, protocol="paper", **more
    ).set_index("image_id")


def test_an_error_is_the_mean_over_seeds_at_the_best_learning_rate_a_column_a_loss() -> None:
    errors = pd.concat(
        [
            values("error", "mse", "1e-4", s0=[1.0, 2.0], s1=[3.0, 6.0]),
            values("error", "mse", "1e-3", s0=[9.0, 9.0], s1=[9.0, 9.0]),
            values("error", "style", "1e-4", s0=[5.0, 7.0]),
        ]
    )
    table = flat(errors, "1e-4")
    assert table["error_mse"].to_dict() == {"a": 2.0, "b": 4.0}
    assert table["error_style"].to_dict() == {"a": 5.0, "b": 7.0}
    assert table["file"].tolist() == ["a.jpg", "b.jpg"]
    assert "position" not in table


def test_runs_that_diverged_do_not_count_unless_all_did() -> None:
    errors = values("error", "mse", "1e-4", s0=[1.0, 2.0], s1=[np.nan, 60.0])
    lost = {"protocol": "paper", "loss": "mse", "lr": "1e-4", "outcome": "diverged"}
    one = pd.DataFrame([lost | {"seed": "1"}])
    assert flat(errors, "1e-4", outcomes=one)["error_mse"].to_dict() == {"a": 1.0, "b": 2.0}
    both = pd.DataFrame([lost | {"seed": "0"}, lost | {"seed": "1"}])
    assert flat(errors, "1e-4", outcomes=both)["error_mse"].to_dict() == {"a": 1.0, "b": 31.0}


def test_other_protocols_are_left_out_and_what_was_made_elsewhere_is_named_so() -> None:
    errors = values("error", "mse", "1e-4", s0=[1.0, 2.0])
    elsewhere = errors.assign(protocol="external", loss="theirs", value=[5.0, np.nan])
    other = errors.assign(protocol="released", value=100.0)
    table = flat(pd.concat([errors, other, elsewhere]), "1e-4")
    assert table["error_mse"].to_dict() == {"a": 1.0, "b": 2.0}
    assert table["error_external_theirs"]["a"] == 5.0
    assert np.isnan(table["error_external_theirs"]["b"])


def test_all_that_is_known_of_an_image_stands_in_its_row_and_fits_the_schema() -> None:
    errors = values("error", "mse", "1e-4", s0=[1.0, 2.0])
    distinct = values("distinctiveness", "mse", "1e-4", s0=[0.5, -0.5])
    nearest = distinct.assign(metric="nearest_neighbour")
    other = distinct.assign(metric="local_outlier_factor", value=77.0)
    distinct = pd.concat([nearest, other])
    predictions = pd.DataFrame({"image_id": ["a"], "split": ["test"], "predicted": [0.4]})
    features = pd.DataFrame({"image_id": IDS, "feature": "saturation", "value": [0.1, 0.2]})
    images = IMAGES.assign(
        false_alarms=pd.array([0, None], dtype="Int64"),
        responses=pd.array([2, None], dtype="Int64"),
        **dict.fromkeys(("score_uncorrected", "false_alarm_rate", "d_prime", "criterion"), np.nan),
    )
    table = per_image(
        images,
        [errors, distinct],
        [marked(errors, "1e-4"), marked(distinct, "1e-4")],
        NONE,
        protocol="paper",
        predictions=predictions,
        heads={"memnet": pd.DataFrame({"image_id": ["b", "a"], "predicted": [0.6, 0.5]})},
        features=features,
    )
    key, schema = store.SCHEMAS["per_image"]
    assert set(store.columns_of(schema, table)) == set(table.columns)
    schema.validate(table[[*store.columns_of(schema, table)]])
    row = table.set_index("image_id").loc["a"]
    assert (row["split"], row["predicted"], row["feature_saturation"]) == ("test", 0.4, 0.1)
    assert row["distinctiveness_mse"] == 0.5
    assert row["predicted_memnet"] == 0.5
    assert table["split"].tolist() == ["test", ""]
    assert [*key] == ["image_id"]
