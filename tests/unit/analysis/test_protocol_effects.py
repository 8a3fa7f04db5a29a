"""Which protocols are compared, and that each comparison is of the right runs."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.analysis.protocol_effects import protocol_effects
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.rank_correlation import spearman
from memorability.tables import store

BOOTSTRAP = Bootstrap(draws=100, confidence=0.95, seed=0)
QUICK: dict[str, Any] = {"target": "score", "bootstrap": BOOTSTRAP}
PAPER: dict[str, str | bool] = {"order": "seed_shuffle", "sweep": "fresh", "batch_norm": True}
PROTOCOLS: dict[str, dict[str, str | bool]] = {
    "paper": PAPER,
    "listed": PAPER | {"order": "listed"},
    "plain": PAPER | {"batch_norm": False},
    "released": PAPER | {"order": "listed", "sweep": "carried_over"},
}


@pytest.fixture(scope="module")
def images() -> pd.DataFrame:
    scores = np.random.default_rng(0).uniform(size=40)
    ids = [f"image_{index:02d}" for index in range(40)]
    return pd.DataFrame({"image_id": ids, "category": "all", "subcategory": "", "score": scores})


@pytest.fixture(scope="module")
def values(images: pd.DataFrame) -> pd.DataFrame:
    """Two losses, two rates and two seeds of each protocol."""
    rng = np.random.default_rng(1)
    keys = [
        {"protocol": protocol, "loss": loss, "lr": lr, "seed": seed}
        for protocol in PROTOCOLS
        for loss in ("mse", "lpips_vgg")
        for lr in ("1e-3", "1e-4")
        for seed in ("0", "1")
    ]
    parts = [
        images[["image_id"]].assign(
            quantity="error",
            metric=key["loss"],
            backbone="pretrained",
            trained_by="torchvision (ImageNet)",
            published="yes",
            sign="one_minus" if key["protocol"] == "released" else "distance",
            value=images["score"] + rng.normal(size=40),
            **key,
        )
        for key in keys
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def effects(values: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    return protocol_effects(values, images, PROTOCOLS, **QUICK)


def test_single_choices_are_compared_everywhere_and_several_with_the_first_protocol(
    effects: pd.DataFrame,
) -> None:
    columns = ["base_protocol", "protocol", "choice", "base_value", "value"]
    found = effects[columns].drop_duplicates().to_numpy().tolist()
    assert found == [
        ["paper", "listed", "order", "seed_shuffle", "listed"],
        ["paper", "plain", "batch_norm", "true", "false"],
        ["paper", "released", "order, sweep", "seed_shuffle, fresh", "listed, carried_over"],
        ["listed", "released", "sweep", "fresh", "carried_over"],
    ]
    assert len(effects) == 4 * 2 * 2


def test_each_row_is_of_its_own_loss_rate_and_protocols(
    effects: pd.DataFrame, values: pd.DataFrame, images: pd.DataFrame
) -> None:
    for _, row in effects.iterrows():
        for protocol, column in (("protocol", "r"), ("base_protocol", "base_r")):
            keys = {"protocol": row[protocol], "loss": row["loss"], "lr": row["lr"]}
            chosen = values[(values[list(keys)] == pd.Series(keys)).all(axis=1)]
            by_seed = [spearman(run["value"], images["score"]) for _, run in chosen.groupby("seed")]
            assert len(by_seed) == 2
            assert row[column] == pytest.approx(np.mean(by_seed))
        assert row["difference"] == pytest.approx(row["r"] - row["base_r"])


def test_both_errors_keep_their_honest_names(effects: pd.DataFrame) -> None:
    released = effects[(effects["protocol"] == "released") & (effects["loss"] == "lpips_vgg")]
    assert set(released["metric"]) == {"lpips_vgg"}
    assert set(released["sign"]) == {"one_minus"}
    assert set(released["base_sign"]) == {"distance"}


def test_protocols_with_different_seeds_are_compared_by_their_means(
    values: pd.DataFrame, images: pd.DataFrame
) -> None:
    one_seed = values[(values["protocol"] != "listed") | (values["seed"] == "0")]
    protocols = {name: PROTOCOLS[name] for name in ("paper", "listed")}
    table = protocol_effects(one_seed, images, protocols, **QUICK)
    assert table["difference"].notna().all()
    assert (table["n"] == 40).all()
    assert set(zip(table["seeds"], table["base_seeds"], table["training"], strict=True)) == {
        (1, 2, "not known")
    }
    assert table["r_seed_sd"].isna().all()
    assert table["base_r_seed_sd"].gt(0).all()


def test_of_several_seeds_each_the_interval_draws_them(effects: pd.DataFrame) -> None:
    assert set(effects["unit"]) == {"images and seeds"}
    assert set(effects["training"]) == {"drawn"}
    assert effects[["r_seed_sd", "base_r_seed_sd"]].gt(0).all(axis=None)


def test_a_seed_that_diverged_leaves_the_comparison_to_the_others(
    values: pd.DataFrame, images: pd.DataFrame
) -> None:
    lost = (values["protocol"] == "listed") & (values["loss"] == "mse")
    lost &= (values["seed"] == "0") | (values["lr"] == "1e-4")
    protocols = {name: PROTOCOLS[name] for name in ("paper", "listed")}
    found = protocol_effects(
        values.assign(value=values["value"].mask(lost)), images, protocols, **QUICK
    )
    without = protocol_effects(values[~lost], images, protocols, **QUICK)
    undefined = found["n"].eq(40) & found["r"].isna()
    assert found.loc[undefined, ["loss", "lr"]].to_numpy().tolist() == [["mse", "1e-4"]]
    pd.testing.assert_frame_equal(found[~undefined].reset_index(drop=True), without)


def test_effects_fit_the_table_that_they_are_written_to(effects: pd.DataFrame) -> None:
    columns = list(store.SCHEMAS["protocol_effects"][1].columns)
    store.SCHEMAS["protocol_effects"][1].validate(effects[columns])
    assert set(effects.columns) == set(columns)
