"""Tables: schemas, order, atomic writing, and reading back."""

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pandera.errors
import pyarrow as arrow
import pytest
from pyarrow import dataset, parquet

from memorability.base.arrays import open_sealed
from memorability.base.errors import InputError
from memorability.base.files import atomic
from memorability.tables import store
from memorability.tables.latents import LatentFile, map_latents, read_latents, write_latents

NAN = float("nan")
RECORD = {"study": "sample", "configuration": "c0ffee", "code": "c0de"}


MSE = {"backbone": "none", "sign": "distance"}


def pretraining_epoch(epoch: int, **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "resize": "squash", "bottleneck": "conv7x7", "decoder": "upsample_conv", "batch_norm": True,
        "width": 0.25, "epoch": epoch, "train_error": NAN, "validation_error": 0.01,
    }  # fmt: skip
    return base | changes


def correlation(metric: str, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "quantity": "feature", "metric": metric, "backbone": "", "sign": "", "model": "",
        "protocol": "", "loss": "", "lr": "",
        "selected": True, "target": "score", "group": "all", "method": "pooled", "n": 120,
        "seeds": 1, "diverged": "", "r": 0.25, "r_seed_sd": NAN, "ci_low": 0.1, "ci_high": 0.4,
        "ci_method": "percentile", "p": 0.01, "p_holm": 0.02, "p_bh": 0.015, "strata": pd.NA,
        "ci_bca_low": 0.11, "ci_bca_high": 0.41, "ci_bca_method": "BCa", "ci_cluster_low": 0.05,
        "ci_cluster_high": 0.45, "ci_cluster_method": "percentile", "clusters": 12, "ceiling": 0.9,
        "ceiling_share": 0.25 / 0.9, "baseline": "category_mean", "baseline_n": 40,
        "baseline_r": -0.2, "baseline_difference": 0.05, "baseline_ci_low": -0.1,
        "baseline_ci_high": 0.2, "beats_baseline": "no",
    }  # fmt: skip
    return row | changes


def image(image_id: str, position: int, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "image_id": image_id, "file": f"animal/{image_id}.jpg", "category": "animal",
        "subcategory": "", "hits": 40, "false_alarms": 3, "responses": 80, "score": 0.4625,
        "score_uncorrected": 0.5, "false_alarm_rate": 0.0375, "d_prime": 1.8, "criterion": 0.9,
        "width": 640, "height": 427, "position": position,
    }  # fmt: skip
    return row | changes


def trial(observer: str, position: int, image_id: str, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "observer": observer, "image_id": image_id, "role": "target", "position": position,
        "repeat": False, "delay": pd.NA, "response": True,
    }  # fmt: skip
    return row | changes


COUNTS = dict.fromkeys(
    [
        *("hits", "false_alarms", "responses", "delay", "n", "permutations", "height", "strata"),
        *("clusters", "baseline_n"),
    ],
    "Int64",
)
MISSABLE = COUNTS | {"outside_training_range": "boolean"}

# Per schema a table as it is read back: in the schema's order of rows, which differs from that of
# the other columns; missing values where the schema allows them.
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "prepared": [
        {"image_id": i, "file": f"{i}.jpg", "width": 300, "height": 224, "position": at}
        for i, at in (("a", 1), ("b", 0))
    ],
    "unusable": [{"file": f"{i}.jpg", "reason": "is empty"} for i in ("a", "b")],
    "images": [
        image("a", 2),
        image(
            "b", 0, hits=pd.NA, false_alarms=pd.NA, responses=pd.NA, score_uncorrected=NAN, score=1.0
        ),
        image("c", 1),
    ],
    "scores": [
        {
            "image_id": i,
            "file": f"animal/{i}.jpg",
            "category": "animal",
            "subcategory": "",
            "hits": counts[0],
            "false_alarms": counts[1],
            "responses": counts[2],
            "score": 0.5,
        }
        for i, counts in (("a", (5, 1, 8)), ("b", (pd.NA, pd.NA, pd.NA)))
    ],
    "differences": [{"file": "a.jpg", "difference": "z"}, {"file": "b.jpg", "difference": "y"}],
    "official_splits": [
        {"official_split": number, "image_id": i, "split": split, "score": 0.25}
        for number, i, split in ((1, "b", "test"), (2, "a", "train"), (2, "b", "validation"))
    ],
    "rejected": [{"file": "a.jpg", "reason": "z"}, {"file": "b.jpg", "reason": "y"}],
    "trials": [
        trial("o1", 0, "b"),
        trial("o1", 1, "a", role="filler"),
        trial("o1", 36, "b", repeat=True, delay=35),
        trial("o2", 0, "a", role="vigilance"),
    ],
    "observers": [
        {"observer": o, "vigilance_repeats": 12, "misses": m, "excluded": m > 3}
        for o, m in (("o1", 4), ("o2", 3))
    ],
    "planted": [
        {
            "image_id": i,
            "memorability": m,
            "false_alarm_rate": 0.1,
            "saturation": 0.5,
            "edge_strength": -1.5,
        }
        for i, m in (("a", 0.9), ("b", 0.1))
    ],
    "errors": [
        {"epoch": 1, "image_id": "b", "metric": "mse", **MSE, "error": 1 / 3},
        {"epoch": 2, "image_id": "a", "metric": "mse", **MSE, "error": NAN},
        {"epoch": 10, "image_id": "a", "metric": "mse", **MSE, "error": 5e-324},
    ],
    "history": [
        {"step": 2, "epoch": 1, "image_id": "b", "train_loss": 0.5},
        {"step": 10, "epoch": 1, "image_id": "a", "train_loss": NAN},
    ],
    "outcomes": [
        {
            "outcome": "diverged", "step": 3, "epoch": 1, "image_id": "a", "learning_rate": 0.1,
            "reason": "the loss mse became nan",
        },
    ],
    "pretraining": [
        pretraining_epoch(0),
        pretraining_epoch(1, train_error=0.02),
    ],
    "ceiling": [
        {
            "target": "score", "group": "all", "method": "pooled", "n": 2, "consistency": 0.5,
            "consistency_sd": NAN, "full_length": 2 / 3, "ceiling": 0.8164965809277260,
        },
        {
            "target": "score", "group": "food", "method": "within", "n": 1, "consistency": NAN,
            "consistency_sd": NAN, "full_length": NAN, "ceiling": NAN,
        },
    ],
    "distinctiveness": [
        {"image_id": i, "metric": m, "value": v, "distinctiveness": z}
        for m, i, v, z in (
            ("local_outlier_factor", "a", 1.5, -1.0), ("nearest_in_category", "a", NAN, NAN),
            ("nearest_neighbour", "a", 3.5, -1.0), ("nearest_neighbour", "b", 0.0, 1.0),
        )
    ],
    "features": [
        {"image_id": "a", "feature": "clutter", "value": 2.0},
        {"image_id": "a", "feature": "saturation", "value": 1.0},
        {"image_id": "b", "feature": "clutter", "value": 0.0},
    ],
    "table_2": [
        {
            "order": order, "target": "score", "feature": feature, "n": 40 * order,
            **{
                f"{prefix}{name}": value
                for prefix in ("", "given_category_", "given_subcategory_")
                for name in ("r", "ci_low", "ci_high", "p", "p_holm", "p_bh")
            },
            "published": 0.157, "unavailable": why,
        }
        for order, feature, why, value in (
            (0, "object_count", "no weights", NAN),
            (1, "saturation", "", 0.2),
        )
    ],
    "feature_importance": [
        {
            "feature": feature, "importance": value, "ci_low": value - 0.1, "ci_high": value + 0.1,
            "n": 36, "model": "ridge regression",
        }
        for feature, value in (("mean_lab_a", -0.01), ("saturation", 0.2))
    ],
    "baselines": [
        {"metric": "category_mean", "image_id": "a", "value": 0.7},
        {"metric": "image_size", "image_id": "b", "value": 273280.0},
    ],
    "correlations": [
        correlation("image_entropy", r=NAN, ci_low=NAN, ci_high=NAN, p=NAN, p_holm=NAN),
        correlation("image_entropy", group="animal", method="within"),
        correlation("saturation"),
        correlation("saturation", group="animal", method="within"),
    ],
    "protocol_effects": [
        {
            "choice": "order", "value": "listed", "base_value": "seed_shuffle", "protocol": "listed",
            "base_protocol": "paper", "loss": "mse", "lr": "5e-6", "metric": "mse",
            **MSE, "base_sign": "distance", "target": "score", "n": 120, "r": 0.2, "base_r": 0.25,
            "difference": -0.05, "ci_low": -0.1, "ci_high": 0.0, "ci_method": "percentile",
            "p": 0.05,
        },
        {
            "choice": "order", "value": "listed", "base_value": "seed_shuffle", "protocol": "listed",
            "base_protocol": "paper", "loss": "style", "lr": "5e-6", "metric": "style",
            "backbone": "pretrained", "sign": "distance", "base_sign": "distance",
            "target": "score", "n": 120, "r": NAN, "base_r": NAN,
            "difference": NAN, "ci_low": NAN, "ci_high": NAN,
            "ci_method": "undefined (constant values)", "p": NAN,
        },
    ],
    "predictions": [
        {"image_id": i, "split": s, "score": 0.5, "predicted": 1.25, "category_mean": 0.5,
         "subcategory_mean": 0.25, "image_size": NAN}
        for i, s in (("a", "validation"), ("b", "train"), ("c", "test"))
    ],
    "split": [
        {"image_id": i, "split": s, "score": 0.5}
        for i, s in (("a", "validation"), ("b", "train"), ("c", "test"))
    ],
    "head_predictions": [
        {"image_id": i, "other_image_id": o, "predicted": 1.25}
        for i, o in (("a", "a"), ("a", "b"), ("b", "b"))
    ],
    "left_out": [{"image_id": i, "category": "food", "predicted": -0.25} for i in "ab"],
    "prediction_search": [
        {
            "trial": trial, "worker": 0, "hidden": "1024-512", "learning_rate": 5e-5,
            "batch_size": 8, "dropout": 0.3, "weight_decay": 0.01, "epochs": 23,
            "validation_loss": loss, "chosen": not trial,
        }
        for trial, loss in ((0, 0.25), (1, NAN))
    ],
    "prediction_by_category": [
        {
            "group": g, "head": "mlp", "metric": "spearman", "value": v, "ci_low": NAN,
            "ci_high": NAN, "n": 12,
        }
        for g, v in (("animal", NAN), ("food", 0.5))
    ],
    "prediction_gains": [
        {
            "group": "all", "head": "mlp", "baseline": b, "metric": "spearman", "difference": v,
            "ci_low": NAN, "ci_high": NAN, "n": 36,
        }
        for b, v in (("category_mean", NAN), ("subcategory_mean", -0.5))
    ],
    "prediction_calibration": [
        {
            "head": head, "n": 36, "slope": slope, "intercept": slope, "mean_score": 0.5,
            "mean_predicted": 0.5, "sd_score": 0.125, "sd_predicted": 0.0, "floor": 0.5,
            "ceiling": 0.5, "share_below_floor": 0.25, "share_above_ceiling": 0.75,
        }
        for head, slope in (("category_mean", NAN), ("mlp", 1.25))
    ],
    "prediction_history": [
        {"epoch": e, "train_loss": 1 / e, "validation_loss": 2.0} for e in (1, 2, 10)
    ],
    "prediction_metrics": [
        {"head": h, "metric": m, "value": v, "ci_low": NAN, "ci_high": NAN, "n": 36}
        for h, m, v in (
            ("category_mean", "spearman", NAN), ("mlp", "mae", 0.1), ("mlp", "spearman", 0.5),
        )
    ],
    "attributions": [
        {
            "image_id": i, "drawn": i == "a", "baseline": "blurred_mean", "mean_absolute": 0.5,
            "mean_signed": -0.25, "mean_positive": 0.125, "predicted": 0.75,
            "predicted_baseline": 0.5, "convergence_delta": 1e-7, "converged": True,
            "row": row, "scale": 0.01,
        }
        for row, i in enumerate("ab")
    ],
    "attribution_variants": [
        {
            "image_id": "a", "variant": variant, "baseline": "zeros", "mean_absolute": 0.5,
            "mean_signed": -0.25, "mean_positive": 0.125, "convergence_delta": 1e-7,
            "converged": False,
        }
        for variant in ("predictor", "zeros")
    ],
    "attribution_similarity": [
        {
            "check": check, "first": "a", "second": "b", "image_id": "c", "map_absolute": 0.5,
            "map_signed": NAN, "map_ssim": 1.0,
        }
        for check in ("baseline", "weights")
    ],
    "attribution_curves": [
        {"mode": "deletion", "order": "random", "image_id": "a", "share": s, "score": 0.5}
        for s in (0.0, 0.1, 1.0)
    ],
    "attribution_checks": [
        {
            "check": check, "first": "a", "second": "b", "measure": "map_ssim", "value": NAN,
            "ci_low": NAN, "ci_high": 0.5, "ci_method": "percentile", "n": 3,
        }
        for check in ("baseline", "deletion")
    ],
    "image_scores": [
        {
            "file": file, "score": score, "percentile": 50 + score, "interval_low": score - 0.5,
            "interval_high": score + 0.5, "outside_training_range": outside, "reason": reason,
        }
        for file, score, outside, reason in (
            ("a.jpg", 0.75, True, ""), ("b.png", NAN, pd.NA, "no such file"),
            ("c/d.jpg", -0.1, False, ""),
        )
    ],
    "selection": [
        {
            "protocol": "paper", "loss": "mse", "metric": "mse", **MSE, "rule": rule, "target": "score",
            "n": 40, "rates": 2, "skipped": "0.1", "lr": "1e-3", "share": share, "r": 0.25,
            "r_sd": sd, "r_low": sd, "r_high": sd, "r_choosing": sd, "optimism": sd,
            "repeats": repeats, "p_loss": p, "p_grid": p, "permutations": permutations,
        }
        for rule, share, sd, repeats, p, permutations in (
            ("images", 0.75, 0.125, 100, NAN, pd.NA),
            ("published", 1.0, NAN, 1, 0.01, 1000),
        )
    ],
    "matrix": [
        {"image_id": i, "lr": "5e-6", "metric": m, **MSE, "error": e}
        for i, m, e in (("b", "ms_ssim", NAN), ("a", "mse", 0.25), ("b", "mse", 0.5))
    ],
    "controls": [
        {"metric": m, **MSE, "model": o, "seed": s, "image_id": "a", "error": e}
        for m, o, s, e in (("mse", "grey", "", 0.5), ("mse", "untrained", "0", 0.25))
    ],
    "decay": [
        {
            "protocol": "paper", "loss": "mse", "metric": "mse", **MSE, "lr": "1e-3", "epoch": epoch,
            "target": "score", "group": group, "method": method, "n": 40, "seeds": 2, "r": r,
            "r_seed_sd": NAN, "ci_low": NAN, "ci_high": NAN, "ci_method": "percentile", "p": 0.01,
        }
        for epoch, group, method, r in (
            (1, "all", "partial", 0.5), (1, "all", "pooled", 0.25), (2, "all", "partial", NAN),
        )
    ],
    "decay_seeds": [
        {
            "protocol": "paper", "loss": "mse", "metric": "mse", **MSE, "lr": "1e-3", "epoch": epoch,
            "seed": seed, "r": r,
        }
        for epoch, seed, r in ((1, "0", 0.25), (1, "1", NAN), (10, "0", 0.125))
    ],
    "selection_choices": [
        {
            "protocol": "paper", "loss": "mse", "metric": "mse", **MSE, "rule": "images", "lr": lr,
            "share": share,
        }
        for lr, share in (("1e-3", 0.75), ("5e-6", NAN))
    ],
    "selection_seeds": [
        {"protocol": "paper", "loss": "mse", "metric": "mse", **MSE, "lr": "1e-3", "seed": s, "r": r}
        for s, r in (("0", 0.25), ("1", NAN))
    ],
    "external": [
        {
            "kind": "errors", "name": name, "file": "errors.csv", "joined_by": "file", "rows": 12,
            "joined": 10, "rows_without_image": 2, "images_without_row": 3, "unmatched": "x.jpg",
            "claim": "",
        }
        for name in ("a", "b")
    ],
    "claims": [
        {
            "claim": claim, "by": by, "statement": "More.", "source": "Table 1",
            "statistic": "spearman", "published": 0.4, "published_ci_low": 0.3,
            "published_ci_high": 0.5, "ours": NAN, "ours_ci_low": NAN, "ours_ci_high": NAN, "n": n,
            "difference": NAN, "difference_ci_low": NAN, "difference_ci_high": NAN, "margin": 0.05,
            "test": "", "p": NAN, "power": NAN, "data": "", "verdict": "not testable", "why": "no",
        }
        for claim, by, n in (("a", "external", 10), ("a", "this study", 10), ("b", "", pd.NA))
    ],
}  # fmt: skip


def example(name: str) -> pd.DataFrame:
    table = pd.DataFrame(EXAMPLES[name])
    counts = {key: kind for key, kind in MISSABLE.items() if key in table}
    if name == "correlations" or (name.startswith("prediction_") and "n" in table):
        counts |= {"n": "int64"}
    # Of an image a count of pixels, of an autoencoder a factor.
    counts |= {"width": "Int64"} if name in ("images", "prepared") else {}
    return table.astype(counts)


def mixed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with rows and columns turned around and an index that means nothing."""
    turned = table.iloc[::-1, ::-1]
    return turned.set_axis(np.arange(len(turned)) * 7 % 5)


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_every_schema_has_an_example_here() -> None:
    assert EXAMPLES.keys() == store.SCHEMAS.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_table_is_read_back_sorted_and_unrounded_whatever_order_it_was_written_in(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "part.parquet"
    store.write(mixed(example(name)), path, name)
    pd.testing.assert_frame_equal(store.read(path, name), example(name), check_exact=True)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_rows_give_the_same_bytes_whatever_their_order(name: str, tmp_path: Path) -> None:
    store.write(example(name), tmp_path / "one", name, RECORD)
    store.write(mixed(example(name)), tmp_path / "other", name, dict(reversed(RECORD.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_table_without_rows_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "rejected.parquet"
    store.write(example("rejected").iloc[:0], path, "rejected")
    table = store.read(path, "rejected")
    assert (list(table.columns), len(table)) == (["file", "reason"], 0)


def test_writing_leaves_the_callers_table_as_it_was(tmp_path: Path) -> None:
    table = mixed(example("images"))
    before = table.copy(deep=True)
    store.write(table, tmp_path / "images.parquet", "images")
    pd.testing.assert_frame_equal(table, before)


def test_directories_above_a_table_are_made(tmp_path: Path) -> None:
    path = tmp_path / "errors" / "loss=mse" / "part.parquet"
    store.write(example("errors"), path, "errors")
    assert files(path.parent) == {"part.parquet"}


# What does not fit


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("images", "score", 1.01),
        ("images", "score", -0.01),
        ("images", "score", NAN),
        ("images", "position", 0),  # three times the same
        ("images", "file", "same.jpg"),
        ("images", "category", None),
        ("images", "hits", -1),
        ("errors", "epoch", 0),
        ("history", "step", 0),
        ("outcomes", "outcome", "lost"),
        ("correlations", "r", 1.5),
        ("correlations", "p", -0.1),
        ("predictions", "split", "holdout"),
        ("claims", "verdict", "almost"),
        ("claims", "data", "mine"),
        ("claims", "margin", 0.0),
        ("external", "joined", -1),
        ("distinctiveness", "value", -1.0),
        ("trials", "response", 1),
        ("trials", "role", "target repeat"),
    ],
)
def test_a_value_outside_the_schema_is_refused_and_nothing_is_written(
    name: str, column: str, value: object, tmp_path: Path
) -> None:
    table = example(name).assign(**{column: value})
    if column == "hits":
        table = table.astype({"hits": "Int64"})
    with pytest.raises(pandera.errors.SchemaError, match=column):
        store.write(table, tmp_path / "part.parquet", name)
    assert files(tmp_path) == set()


def test_a_missing_column_is_refused_by_its_name_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(pandera.errors.SchemaError, match="reason"):
        store.write(example("rejected")[["file"]], tmp_path / "part.parquet", "rejected")
    assert files(tmp_path) == set()


@pytest.mark.parametrize(
    ("name", "key"), [("selection_seeds", "loss"), ("correlations", "quantity"), ("matrix", "lr")]
)
def test_a_column_named_like_a_key_of_the_path_is_refused_and_nothing_is_written(
    name: str, key: str, tmp_path: Path
) -> None:
    path = tmp_path / "protocol_of=mine" / f"{key}=mse" / "part.parquet"
    with pytest.raises(ValueError, match=f"column '{key}'.*{key}=mse.*leave the key out"):
        store.write(example(name), path, name)
    assert files(tmp_path) == set()


@pytest.mark.parametrize("rates", [("5e-6", "5e-5"), ("0.001", "1e-4"), ("1", "10"), ("1", "0.1")])
def test_no_reader_of_a_folder_merges_two_learning_rates(
    rates: tuple[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "errors"
    for rate in rates:
        store.write(example("errors"), folder / f"lr={rate}" / "part.parquet", "errors")
    text = dataset.partitioning(arrow.schema([("lr", arrow.string())]), flavor="hive")
    files = f"read_parquet('{folder}/**/*.parquet', hive_partitioning=true"
    plain = [
        pd.read_parquet(folder),
        dataset.dataset(folder, partitioning="hive").to_table().to_pandas(),
        duckdb.sql(f"SELECT * FROM {files})").df(),
    ]
    as_text = [
        pd.read_parquet(folder, partitioning=text),
        dataset.dataset(folder, partitioning=text).to_table().to_pandas(),
        duckdb.sql(f"SELECT * FROM {files}, hive_types_autocast=false)").df(),
    ]
    for opened in plain:
        assert list(opened["lr"].value_counts()) == [len(example("errors"))] * 2
        assert {float(rate) for rate in opened["lr"]} == {float(rate) for rate in rates}
    for opened in as_text:
        assert set(opened["lr"]) == set(rates)


def test_only_directories_are_keys() -> None:
    path = Path("results/mine/errors/protocol=paper/lr=5e-6/a=b.parquet")
    assert store.partition_keys(path) == {"protocol": "paper", "lr": "5e-6"}
    assert store.partition_keys("lr=a=b/part.parquet") == {"lr": "a=b"}


def test_a_file_of_another_table_is_refused_on_reading(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    store.write(example("rejected"), path, "rejected")
    # All columns are wrong at once, which pandera reports in the plural.
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors), match="epoch"):
        store.read(path, "errors")


def test_an_unknown_table_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'images'"):
        store.write(example("images"), tmp_path / "part.parquet", "image")
    with pytest.raises(ValueError, match="did you mean 'errors'"):
        store.read(tmp_path / "part.parquet", "error")


# Whole or not at all


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "part.txt"
    with atomic(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent  # else renaming is not atomic
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert files(tmp_path) == {"part.txt"}


@pytest.mark.parametrize("failure", [ValueError("wrong"), KeyboardInterrupt(), SystemExit(1)])
def test_a_failure_leaves_the_file_that_was_there_and_nothing_else(
    failure: BaseException, tmp_path: Path
) -> None:
    path = tmp_path / "part.txt"
    path.write_text("before")

    def fail() -> None:
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(type(failure)) as raised:
        fail()
    assert raised.value is failure
    assert path.read_text() == "before"
    assert files(tmp_path) == {"part.txt"}


def _full_disk(table: arrow.Table, path: Path, **_: Any) -> None:
    Path(path).write_bytes(b"half")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_explained_and_the_table_that_was_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "part.parquet"
    store.write(example("rejected"), path, "rejected")
    before = path.read_bytes()
    monkeypatch.setattr(parquet, "write_table", _full_disk)
    with pytest.raises(InputError, match="could not be written: No space left") as refused:
        store.write(example("rejected").iloc[:1], path, "rejected")
    assert str(path) in str(refused.value)
    assert "Free space" in str(refused.value)
    assert path.read_bytes() == before
    assert files(tmp_path) == {"part.parquet"}


def test_a_read_only_disk_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match="could not be written: Read-only"):
        store.write(example("rejected"), tmp_path / "new" / "part.parquet", "rejected")


def test_a_directory_in_the_place_of_the_file_is_explained_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    path = tmp_path / "part.parquet"
    path.mkdir()
    with pytest.raises(InputError, match="could not be written"):
        store.write(example("rejected"), path, "rejected")
    assert files(tmp_path) == {"part.parquet"}


def test_an_input_that_cannot_be_read_is_not_reported_as_an_output_that_cannot_be_written(
    tmp_path: Path,
) -> None:
    """prepare_images reads photographs while the store of pixels is being written."""
    with (
        pytest.raises(FileNotFoundError, match=r"photograph\.jpg"),
        atomic(tmp_path / "pixels.npy"),
    ):
        (tmp_path / "photograph.jpg").read_bytes()
    assert files(tmp_path) == set()


# Where it comes from


def test_the_record_is_kept_beside_what_pandas_keeps(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    store.write(example("images"), path, "images", RECORD)
    assert store.read_record(path) == RECORD
    assert b"pandas" in parquet.read_schema(path).metadata


def test_a_table_without_a_record_has_an_empty_one(tmp_path: Path) -> None:
    store.write(example("rejected"), tmp_path / "ours", "rejected")
    parquet.write_table(arrow.table({"a": [1]}), tmp_path / "foreign")
    assert store.read_record(tmp_path / "ours") == store.read_record(tmp_path / "foreign") == {}


# Many runs


def test_tables_of_several_runs_carry_their_run_keys_as_text_in_front(tmp_path: Path) -> None:
    paths = [
        tmp_path / f"protocol=paper/loss=mse/lr={lr}/seed={seed}/part.parquet"
        for lr, seed in (("1e-3", 0), ("0.01", 10))
    ]
    for path in paths:
        store.write(example("errors"), path, "errors")
    table = store.read_runs(paths, "errors")
    assert list(table.columns) == [
        "protocol", "loss", "lr", "seed", "epoch", "image_id", "metric", "backbone", "sign", "error",
    ]  # fmt: skip
    keys = list(table[["protocol", "loss", "lr", "seed"]].itertuples(index=False, name=None))
    assert keys == [("paper", "mse", "1e-3", "0")] * 3 + [("paper", "mse", "0.01", "10")] * 3
    assert list(table.index) == list(range(6))
    expected = pd.concat([example("errors")] * 2, ignore_index=True)
    pd.testing.assert_frame_equal(table[expected.columns], expected)


def test_keys_that_what_was_made_elsewhere_lacks_are_empty(tmp_path: Path) -> None:
    paths = [
        tmp_path / "protocol=paper/loss=mse/lr=1e-3/seed=0/part.parquet",
        tmp_path / "protocol=external/loss=theirs/part.parquet",
    ]
    for path in paths:
        store.write(example("errors"), path, "errors")
    table = store.read_runs(paths, "errors")
    keys = table[["protocol", "loss", "lr", "seed"]].drop_duplicates()
    assert list(keys.itertuples(index=False, name=None)) == [
        ("paper", "mse", "1e-3", "0"), ("external", "theirs", "", ""),
    ]  # fmt: skip
    assert table["error"].isna().sum() == 2 * example("errors")["error"].isna().sum()
    alone = store.read_runs(paths[1:], "errors")
    assert list(alone.columns[:3]) == ["protocol", "loss", "epoch"]


def test_a_table_of_no_run_is_returned_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "features.parquet"
    store.write(example("features"), path, "features")
    pd.testing.assert_frame_equal(store.read_runs([path], "features"), example("features"))


def test_no_runs_make_an_empty_table() -> None:
    table = store.read_runs([], "outcomes")
    assert list(table.columns[:5]) == ["protocol", "loss", "lr", "seed", "outcome"]
    assert table.empty


# Latents


@pytest.mark.parametrize("make", [np.ascontiguousarray, np.asfortranarray])
def test_latents_are_read_back_bit_by_bit_in_their_order(
    make: Callable[[np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    latents = make(np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32))
    latents[0, :3] = [np.nan, -0.0, np.inf]
    ids = ["e", "a", "d", "b", "c"]
    write_latents(ids, latents, tmp_path / "part.parquet", RECORD)
    found, read = read_latents(tmp_path / "part.parquet")
    assert found == ids
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, latents)
    assert np.signbit(read[0, 1])
    assert store.read_record(tmp_path / "part.parquet") == RECORD


def test_latents_are_a_list_of_fixed_size_that_other_tools_can_read(tmp_path: Path) -> None:
    latents = np.arange(6, dtype=np.float32).reshape(2, 3)
    write_latents(["a", "b"], latents, tmp_path / "part.parquet")
    schema = parquet.read_schema(tmp_path / "part.parquet")
    assert schema.names == ["image_id", "latent"]
    assert schema.field("latent").type == arrow.list_(arrow.float32(), 3)
    rows = parquet.read_table(tmp_path / "part.parquet").to_pylist()
    assert rows[1] == {"image_id": "b", "latent": [3.0, 4.0, 5.0]}


def test_latents_of_several_blocks_take_the_disk_that_they_take_in_memory(tmp_path: Path) -> None:
    # Half zeros, as after a ReLU: the memory that rules ask for follows the size of the file.
    latents = np.random.default_rng(0).normal(size=(600, 500)).clip(0).astype(np.float32)
    ids = [f"{row:03d}" for row in range(600)]
    write_latents(ids, latents, tmp_path / "part.parquet")
    found, read = read_latents(tmp_path / "part.parquet")
    assert found == ids
    np.testing.assert_array_equal(read, latents)
    assert latents.nbytes < (tmp_path / "part.parquet").stat().st_size < 1.05 * latents.nbytes


def test_latents_are_read_by_slices_of_rows_across_blocks(tmp_path: Path) -> None:
    latents = np.random.default_rng(0).normal(size=(600, 5)).astype(np.float32)
    ids = [f"{row:03d}" for row in range(600)]
    write_latents(ids, latents, tmp_path / "part.parquet")
    file = LatentFile(tmp_path / "part.parquet")
    assert file.shape == (600, 5)
    assert file.image_ids == ids
    slices = [(0, 600), (0, 256), (256, 512), (255, 257), (10, 20), (511, 999), (7, 7), (600, 700)]
    for start, stop in slices:
        read = file[start:stop]
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, latents[start:stop])


def test_latents_of_fewer_ids_than_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="length"):
        write_latents(["a"], np.zeros((2, 3), np.float32), tmp_path / "part.parquet")
    assert files(tmp_path) == set()


# Reading twin


def test_the_reading_twin_has_tabs_headings_and_six_significant_digits(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["a b", "ü"], "n": [1, 2], "r": [1 / 3, 1.23456789e-7]})
    store.write_tsv(table, tmp_path / "table.tsv")
    text = (tmp_path / "table.tsv").read_text(encoding="utf-8")
    assert text == "name\tn\tr\na b\t1\t0.333333\nü\t2\t1.23457e-07\n"


def test_a_table_that_a_rule_may_lack_is_read_where_it_is_there(tmp_path: Path) -> None:
    rejected = pd.DataFrame({"file": ["a.jpg"], "reason": ["is empty"]})
    store.write(rejected, tmp_path / "rejected.parquet", "rejected")
    found = store.read_if_any([tmp_path / "rejected.parquet"], "rejected")
    assert found is not None
    assert found.equals(rejected)
    assert store.read_if_any([], "rejected") is None


# Latents for mapping, and tables by head


def test_mapped_latents_are_those_of_the_file_whatever_their_number(tmp_path: Path) -> None:
    latents = np.random.default_rng(0).random((600, 3), dtype=np.float32)
    ids = [f"image_{row}" for row in range(600)]
    write_latents(ids, latents, tmp_path / "latents.parquet")
    map_latents(tmp_path / "latents.parquet", tmp_path / "latents.npy", ids)
    mapped = np.load(tmp_path / "latents.npy", mmap_mode="r")
    np.testing.assert_array_equal(mapped, latents, strict=True)
    np.testing.assert_array_equal(open_sealed(tmp_path / "latents.npy"), latents, strict=True)


def test_a_disk_that_fills_while_latents_are_mapped_is_named_and_nothing_is_left(
    tmp_path: Path, files_up_to: Callable[[int], AbstractContextManager[None]]
) -> None:
    ids = [f"image_{row}" for row in range(600)]
    latents = np.zeros((600, 30), dtype=np.float32)
    write_latents(ids, latents, tmp_path / "latents.parquet")
    with pytest.raises(InputError, match="could not be written"), files_up_to(40_000):
        map_latents(tmp_path / "latents.parquet", tmp_path / "latents.npy", ids)
    assert [path.name for path in tmp_path.iterdir()] == ["latents.parquet"]


def test_latents_of_other_images_are_not_mapped(tmp_path: Path) -> None:
    latents = np.zeros((2, 3), dtype=np.float32)
    write_latents(["a", "b"], latents, tmp_path / "latents.parquet")
    with pytest.raises(InputError, match="do not name the same images in the same order"):
        map_latents(tmp_path / "latents.parquet", tmp_path / "latents.npy", ["b", "a"])
    assert not (tmp_path / "latents.npy").exists()


def test_predictions_are_read_by_the_head_that_their_path_names(tmp_path: Path) -> None:
    paths = [tmp_path / f"head={head}" / "part.parquet" for head in ("svr", "ridge")]
    for path in paths:
        store.write(example("head_predictions"), path, "head_predictions")
    found = store.read_heads(paths)
    assert list(found) == ["svr", "ridge"]
    assert found["ridge"].equals(example("head_predictions"))


# Damage


def _damaged(data: bytes, place: float, how: str) -> bytes:
    """Return the bytes of a file cut at, or with one bit changed at, a share of its length."""
    at = int(place * len(data))
    return data[:at] if how == "cut" else data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :]


@pytest.mark.parametrize("how", ["cut", "bit"])
@pytest.mark.parametrize("place", [0.0, 0.02, 0.1, 0.3, 0.5, 0.999])
def test_a_damaged_table_is_refused_or_read_as_it_was(
    tmp_path: Path, place: float, how: str
) -> None:
    path = tmp_path / "part.parquet"
    values = np.random.default_rng(0).uniform(size=500)
    ids = [f"image_{number:03}" for number in range(500)]
    table = pd.DataFrame({"epoch": 1, "image_id": ids, "metric": "mse", **MSE, "error": values})
    store.write(table, path, "errors")
    path.write_bytes(_damaged(path.read_bytes(), place, how))
    said = ""
    try:
        found = store.read(path, "errors")
    except InputError as error:
        said = str(error)
    if said:
        assert f"{path} is damaged" in said
        assert "Delete it and run again" in said
    else:
        # A bit of what no reader uses, as a statistic of a column.
        assert how == "bit"
        pd.testing.assert_frame_equal(found, table, check_dtype=False)


def test_one_bit_anywhere_in_the_values_is_noticed(tmp_path: Path) -> None:
    path, latents = tmp_path / "part.parquet", np.ones((300, 16), dtype=np.float32)
    write_latents([f"{row:03}" for row in range(300)], latents, path)
    data = path.read_bytes()
    for share in np.linspace(0.1, 0.9, 9):
        path.write_bytes(_damaged(data, share, "bit"))
        with pytest.raises(InputError, match="is damaged"):
            read_latents(path)
