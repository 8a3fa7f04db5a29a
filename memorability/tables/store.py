"""Every table of a study: its schema, how it is written and how it is read.

Data are never rounded. A table is validated, sorted by its key and appears whole or not at all.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
from pyarrow import parquet

from memorability.base.errors import InputError, nearest
from memorability.base.files import atomic
from memorability.base.run_keys import RUN_KEYS

_SHARE = pa.Check.in_range(0, 1)
_COUNT = pa.Check.ge(0)
_R = pa.Check.in_range(-1, 1)


def _schema(**columns: pa.Column) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(dict(columns), strict=True, ordered=True)


def _float(*checks: pa.Check, nullable: bool = False) -> pa.Column:
    return pa.Column(float, list(checks), nullable=nullable)


def _count(*, nullable: bool = False) -> pa.Column:
    return pa.Column("Int64", _COUNT, nullable=nullable)


def _text() -> pa.Column:
    return pa.Column(str)


_SCORED = {
    "image_id": pa.Column(str, unique=True),
    "file": pa.Column(str, unique=True),
    "category": _text(),
    "subcategory": _text(),
    "hits": _count(nullable=True),
    "false_alarms": _count(nullable=True),
    "responses": _count(nullable=True),
    "score": _float(_SHARE),
}
_RUN = {"protocol": _text(), "loss": _text(), "lr": _text(), "seed": _text()}
_BACKBONE = pa.Column(str, pa.Check.isin(["pretrained", "random", "none", ""]))
_SIGN = pa.Column(str, pa.Check.isin(["distance", "one_minus", ""]))
# What an error is measured in: memorability.base.run_keys.METRIC_KEYS.
_MEASURED = {"metric": _text(), "backbone": _BACKBONE, "sign": _SIGN}
_MODEL = pa.Column(str, pa.Check.isin(["untrained", "grey", ""]))
_LOSS = {"protocol": _text(), "loss": _text(), **_MEASURED}
_PART = pa.Column(str, pa.Check.isin(["train", "validation", "test"]))
_METRIC = {
    "head": _text(),
    "metric": _text(),
    "value": _float(nullable=True),
    "ci_low": _float(nullable=True),
    "ci_high": _float(nullable=True),
    "n": pa.Column("int64", _COUNT),
}
_INTERVAL = {
    "ci_low": _float(nullable=True),
    "ci_high": _float(nullable=True),
    "ci_method": _text(),
    "p": _float(_SHARE, nullable=True),
}

_DETAILS = {
    "ci_bca_low": _float(nullable=True),
    "ci_bca_high": _float(nullable=True),
    "ci_bca_method": _text(),
    "ci_cluster_low": _float(nullable=True),
    "ci_cluster_high": _float(nullable=True),
    "ci_cluster_method": _text(),
    "clusters": _count(nullable=True),
}


def _correlated(prefix: str) -> dict[str, pa.Column]:
    figures = {"r": _R, "ci_low": _R, "ci_high": _R, "p": _SHARE, "p_holm": _SHARE, "p_bh": _SHARE}
    return {f"{prefix}{name}": _float(check, nullable=True) for name, check in figures.items()}


# Sorted by these columns; the order of appearance is also the order of the rows in a TSV twin.
SCHEMAS: Mapping[str, tuple[tuple[str, ...], pa.DataFrameSchema]] = {
    "images": (
        ("image_id",),
        _schema(
            **_SCORED,
            score_uncorrected=_float(_SHARE, nullable=True),
            false_alarm_rate=_float(_SHARE, nullable=True),
            d_prime=_float(nullable=True),
            criterion=_float(nullable=True),
            width=_count(nullable=True),
            height=_count(nullable=True),
            position=pa.Column("int64", _COUNT, unique=True),
        ),
    ),
    "scores": (
        ("image_id",),
        _schema(
            **_SCORED,
        ),
    ),
    "differences": (("file",), _schema(file=_text(), difference=_text())),
    "official_splits": (
        ("official_split", "image_id"),
        _schema(
            official_split=pa.Column("int64", pa.Check.in_range(1, 5)),
            image_id=_text(),
            split=pa.Column(str, pa.Check.isin(["train", "validation", "test"])),
            score=_float(_SHARE),
        ),
    ),
    "prepared": (
        ("image_id",),
        _schema(
            image_id=pa.Column(str, unique=True),
            file=pa.Column(str, unique=True),
            width=_count(),
            height=_count(),
            position=pa.Column("int64", _COUNT, unique=True),
        ),
    ),
    "unusable": (("file",), _schema(file=_text(), reason=_text())),
    "rejected": (("file",), _schema(file=_text(), reason=_text())),
    "trials": (
        ("observer", "position"),
        _schema(
            observer=_text(),
            image_id=_text(),
            role=pa.Column(str, pa.Check.isin(["target", "filler", "vigilance"])),
            position=pa.Column("int64", _COUNT),
            repeat=pa.Column(bool),
            delay=_count(nullable=True),
            response=pa.Column(bool),
        ),
    ),
    "observers": (
        ("observer",),
        _schema(
            observer=pa.Column(str, unique=True),
            vigilance_repeats=pa.Column("int64", _COUNT),
            misses=pa.Column("int64", _COUNT),
            excluded=pa.Column(bool),
        ),
    ),
    "planted": (
        ("image_id",),
        _schema(
            image_id=pa.Column(str, unique=True),
            memorability=_float(_SHARE),
            false_alarm_rate=_float(_SHARE),
            saturation=_float(_SHARE),
            edge_strength=_float(),
        ),
    ),
    "errors": (
        ("epoch", "image_id"),
        _schema(
            epoch=pa.Column("int64", pa.Check.ge(1)),
            image_id=_text(),
            **_MEASURED,
            error=_float(nullable=True),
        ),
    ),
    "history": (
        ("step",),
        _schema(
            step=pa.Column("int64", pa.Check.ge(1), unique=True),
            epoch=pa.Column("int64", pa.Check.ge(1)),
            image_id=_text(),
            train_loss=_float(nullable=True),
        ),
    ),
    "outcomes": (
        ("step",),
        _schema(
            outcome=pa.Column(str, pa.Check.isin(["finished", "diverged"])),
            step=pa.Column("int64", pa.Check.ge(1)),
            epoch=pa.Column("int64", pa.Check.ge(1)),
            image_id=_text(),
            learning_rate=_float(pa.Check.gt(0)),
            reason=_text(),
        ),
    ),
    "pretraining": (
        ("resize", "bottleneck", "decoder", "batch_norm", "epoch"),
        _schema(
            resize=_text(),
            bottleneck=_text(),
            decoder=_text(),
            batch_norm=pa.Column(bool),
            width=_float(pa.Check.gt(0)),
            epoch=pa.Column("int64", _COUNT),
            train_error=_float(_COUNT, nullable=True),
            validation_error=_float(_COUNT),
        ),
    ),
    "ceiling": (
        ("target", "method", "group"),
        _schema(
            target=_text(),
            group=_text(),
            method=_text(),
            n=pa.Column("int64", _COUNT),
            consistency=_float(pa.Check.in_range(-1, 1), nullable=True),
            consistency_sd=_float(_COUNT, nullable=True),
            full_length=_float(_SHARE, nullable=True),
            ceiling=_float(_SHARE, nullable=True),
        ),
    ),
    "distinctiveness": (
        ("metric", "image_id"),
        _schema(
            image_id=_text(),
            metric=_text(),
            value=_float(_COUNT, nullable=True),
            distinctiveness=_float(nullable=True),
        ),
    ),
    "features": (
        ("image_id", "feature"),
        _schema(image_id=_text(), feature=_text(), value=_float()),
    ),
    "table_2": (
        ("order",),
        _schema(
            order=pa.Column("int64", _COUNT, unique=True),
            target=_text(),
            feature=_text(),
            n=pa.Column("int64", _COUNT),
            **_correlated(""),
            **_correlated("given_category_"),
            **_correlated("given_subcategory_"),
            published=_float(_R, nullable=True),
            unavailable=_text(),
        ),
    ),
    "feature_importance": (
        ("feature",),
        _schema(
            feature=pa.Column(str, unique=True),
            importance=_float(nullable=True),
            ci_low=_float(nullable=True),
            ci_high=_float(nullable=True),
            n=pa.Column("int64", _COUNT),
            model=_text(),
        ),
    ),
    "baselines": (
        ("metric", "image_id"),
        _schema(metric=_text(), image_id=_text(), value=_float()),
    ),
    "correlations": (
        (
            *("quantity", "metric", "backbone", "sign", "model", "protocol", "loss", "lr"),
            *("target", "method", "group"),
        ),
        _schema(
            quantity=_text(),
            **_MEASURED,
            model=_MODEL,
            protocol=_text(),
            loss=_text(),
            lr=_text(),
            selected=pa.Column(bool),
            target=_text(),
            group=_text(),
            method=_text(),
            n=pa.Column("int64", _COUNT),
            seeds=pa.Column("int64", _COUNT),
            diverged=_text(),
            r=_float(pa.Check.in_range(-1, 1), nullable=True),
            r_seed_sd=_float(nullable=True),
            **_INTERVAL,
            p_holm=_float(_SHARE, nullable=True),
            p_bh=_float(_SHARE, nullable=True),
            strata=_count(nullable=True),
            **_DETAILS,
            ceiling=_float(_SHARE, nullable=True),
            ceiling_share=_float(nullable=True),
            baseline=_text(),
            baseline_n=_count(nullable=True),
            baseline_r=_float(_R, nullable=True),
            baseline_difference=_float(nullable=True),
            baseline_ci_low=_float(nullable=True),
            baseline_ci_high=_float(nullable=True),
            beats_baseline=pa.Column(str, pa.Check.isin(["yes", "no", ""])),
        ),
    ),
    "protocol_effects": (
        ("base_protocol", "protocol", "loss", "lr"),
        _schema(
            choice=_text(),
            value=_text(),
            base_value=_text(),
            protocol=_text(),
            base_protocol=_text(),
            loss=_text(),
            lr=_text(),
            **_MEASURED,
            base_sign=_SIGN,
            target=_text(),
            n=pa.Column("int64", _COUNT),
            r=_float(pa.Check.in_range(-1, 1), nullable=True),
            base_r=_float(pa.Check.in_range(-1, 1), nullable=True),
            difference=_float(pa.Check.in_range(-2, 2), nullable=True),
            **_INTERVAL,
        ),
    ),
    "split": (
        ("image_id",),
        _schema(image_id=pa.Column(str, unique=True), split=_PART, score=_float(_SHARE)),
    ),
    "predictions": (
        ("image_id",),
        _schema(
            image_id=pa.Column(str, unique=True),
            split=_PART,
            score=_float(_SHARE),
            predicted=_float(),
            category_mean=_float(_SHARE),
            subcategory_mean=_float(_SHARE),
            image_size=_float(nullable=True),
        ),
    ),
    "head_predictions": (
        ("image_id", "other_image_id"),
        _schema(image_id=_text(), other_image_id=_text(), predicted=_float()),
    ),
    "left_out": (
        ("image_id",),
        _schema(image_id=pa.Column(str, unique=True), category=_text(), predicted=_float()),
    ),
    "prediction_search": (
        ("trial",),
        _schema(
            trial=pa.Column("int64", _COUNT, unique=True),
            worker=pa.Column("int64", _COUNT),
            hidden=_text(),
            learning_rate=_float(pa.Check.gt(0)),
            batch_size=pa.Column("int64", pa.Check.ge(1)),
            dropout=_float(_SHARE),
            weight_decay=_float(_COUNT),
            epochs=pa.Column("int64", pa.Check.ge(1)),
            validation_loss=_float(_COUNT, nullable=True),
            chosen=pa.Column(bool),
        ),
    ),
    "prediction_history": (
        ("epoch",),
        _schema(
            epoch=pa.Column("int64", pa.Check.ge(1), unique=True),
            train_loss=_float(),
            validation_loss=_float(),
        ),
    ),
    "prediction_metrics": (("head", "metric"), _schema(**_METRIC)),
    "prediction_by_category": (
        ("group", "head", "metric"),
        _schema(group=_text(), **_METRIC),
    ),
    "prediction_gains": (
        ("group", "head", "baseline", "metric"),
        _schema(
            group=_text(),
            head=_text(),
            baseline=_text(),
            metric=_text(),
            difference=_float(nullable=True),
            ci_low=_float(nullable=True),
            ci_high=_float(nullable=True),
            n=pa.Column("int64", _COUNT),
        ),
    ),
    "image_scores": (
        ("file",),
        _schema(
            file=_text(),
            score=_float(nullable=True),
            percentile=_float(pa.Check.in_range(0, 100), nullable=True),
            interval_low=_float(nullable=True),
            interval_high=_float(nullable=True),
            outside_training_range=pa.Column("boolean", nullable=True),
            reason=_text(),
        ),
    ),
    "prediction_calibration": (
        ("head",),
        _schema(
            head=_text(),
            n=pa.Column("int64", _COUNT),
            slope=_float(nullable=True),
            intercept=_float(nullable=True),
            mean_score=_float(),
            mean_predicted=_float(),
            sd_score=_float(_COUNT),
            sd_predicted=_float(_COUNT),
            floor=_float(),
            ceiling=_float(),
            share_below_floor=_float(_SHARE),
            share_above_ceiling=_float(_SHARE),
        ),
    ),
    "attributions": (
        ("image_id",),
        _schema(
            image_id=pa.Column(str, unique=True),
            drawn=pa.Column(bool),
            baseline=_text(),
            mean_absolute=_float(_COUNT),
            mean_signed=_float(),
            mean_positive=_float(_COUNT),
            predicted=_float(),
            predicted_baseline=_float(),
            convergence_delta=_float(),
            converged=pa.Column(bool),
            row=pa.Column("int64", _COUNT, unique=True),
            scale=_float(_COUNT),
        ),
    ),
    "attribution_variants": (
        ("variant", "image_id"),
        _schema(
            image_id=_text(),
            variant=_text(),
            baseline=_text(),
            mean_absolute=_float(_COUNT),
            mean_signed=_float(),
            mean_positive=_float(_COUNT),
            convergence_delta=_float(),
            converged=pa.Column(bool),
        ),
    ),
    "attribution_similarity": (
        ("check", "first", "second", "image_id"),
        _schema(
            check=pa.Column(str, pa.Check.isin(["baseline", "weights"])),
            first=_text(),
            second=_text(),
            image_id=_text(),
            map_absolute=_float(_R, nullable=True),
            map_signed=_float(_R, nullable=True),
            map_ssim=_float(_R, nullable=True),
        ),
    ),
    "attribution_curves": (
        ("mode", "order", "image_id", "share"),
        _schema(
            mode=pa.Column(str, pa.Check.isin(["deletion", "insertion"])),
            order=pa.Column(str, pa.Check.isin(["attribution", "random"])),
            image_id=_text(),
            share=_float(_SHARE),
            score=_float(),
        ),
    ),
    "attribution_checks": (
        ("check", "first", "second", "measure"),
        _schema(
            check=pa.Column(str, pa.Check.isin(["baseline", "weights", "deletion", "insertion"])),
            first=_text(),
            second=_text(),
            measure=_text(),
            value=_float(nullable=True),
            ci_low=_float(nullable=True),
            ci_high=_float(nullable=True),
            ci_method=_text(),
            n=pa.Column("int64", _COUNT),
        ),
    ),
    "external": (
        ("kind", "name"),
        _schema(
            kind=pa.Column(str, pa.Check.isin(["errors", "latents"])),
            name=_text(),
            file=_text(),
            joined_by=pa.Column(str, pa.Check.isin(["image_id", "file"])),
            rows=pa.Column("int64", _COUNT),
            joined=pa.Column("int64", _COUNT),
            rows_without_image=pa.Column("int64", _COUNT),
            images_without_row=pa.Column("int64", _COUNT),
            unmatched=_text(),
            claim=_text(),
        ),
    ),
    "claims": (
        ("claim", "by"),
        _schema(
            claim=_text(),
            by=_text(),
            statement=_text(),
            source=_text(),
            statistic=_text(),
            published=_float(),
            published_ci_low=_float(nullable=True),
            published_ci_high=_float(nullable=True),
            ours=_float(nullable=True),
            ours_ci_low=_float(nullable=True),
            ours_ci_high=_float(nullable=True),
            n=_count(nullable=True),
            difference=_float(nullable=True),
            difference_ci_low=_float(nullable=True),
            difference_ci_high=_float(nullable=True),
            margin=_float(pa.Check.gt(0)),
            test=_text(),
            p=_float(_SHARE, nullable=True),
            power=_float(_SHARE, nullable=True),
            data=pa.Column(str, pa.Check.isin(["published set", "other data", ""])),
            verdict=pa.Column(
                str, pa.Check.isin(["reproduced", "equivalent", "differs", "not testable"])
            ),
            why=_text(),
        ),
    ),
    "selection": (
        ("protocol", "loss", "rule"),
        _schema(
            **_LOSS,
            rule=pa.Column(str, pa.Check.isin(["published", "images", "observers"])),
            target=_text(),
            n=pa.Column("int64", _COUNT),
            rates=pa.Column("int64", _COUNT),
            skipped=_text(),
            lr=_text(),
            share=_float(_SHARE, nullable=True),
            r=_float(_R, nullable=True),
            r_sd=_float(_COUNT, nullable=True),
            r_low=_float(_R, nullable=True),
            r_high=_float(_R, nullable=True),
            r_choosing=_float(_R, nullable=True),
            optimism=_float(nullable=True),
            repeats=pa.Column("int64", _COUNT),
            p_loss=_float(_SHARE, nullable=True),
            p_grid=_float(_SHARE, nullable=True),
            permutations=_count(nullable=True),
        ),
    ),
    "selection_choices": (
        ("protocol", "loss", "rule", "lr"),
        _schema(
            **_LOSS,
            rule=_text(),
            lr=_text(),
            share=_float(_SHARE, nullable=True),
        ),
    ),
    "selection_seeds": (
        ("protocol", "loss", "lr", "seed"),
        _schema(
            **_LOSS,
            lr=_text(),
            seed=_text(),
            r=_float(_R, nullable=True),
        ),
    ),
    "matrix": (
        ("metric", "image_id"),
        _schema(image_id=_text(), lr=_text(), **_MEASURED, error=_float(nullable=True)),
    ),
    "controls": (
        ("metric", "model", "seed", "image_id"),
        _schema(
            **_MEASURED,
            model=_MODEL,
            seed=_text(),
            image_id=_text(),
            error=_float(nullable=True),
        ),
    ),
    "decay": (
        ("protocol", "loss", "lr", "epoch", "method", "group"),
        _schema(
            **_LOSS,
            lr=_text(),
            epoch=pa.Column("int64", pa.Check.ge(1)),
            target=_text(),
            group=_text(),
            method=_text(),
            n=pa.Column("int64", _COUNT),
            seeds=pa.Column("int64", _COUNT),
            r=_float(_R, nullable=True),
            r_seed_sd=_float(nullable=True),
            **_INTERVAL,
        ),
    ),
    "decay_seeds": (
        ("protocol", "loss", "lr", "epoch", "seed"),
        _schema(
            **_LOSS,
            lr=_text(),
            epoch=pa.Column("int64", pa.Check.ge(1)),
            seed=_text(),
            r=_float(_R, nullable=True),
        ),
    ),
}


def write(
    table: pd.DataFrame, path: str | Path, name: str, record: Mapping[str, Any] | None = None
) -> None:
    """Validate `table` against the schema `name`, sort it and write it as parquet, atomically.

    Parameters
    ----------
    table
        The rows; columns as in the schema, in any order.
    path
        File to write. A `.tsv` twin for reading is the business of `write_tsv`. Directories named
        `key=value` give every row of the file a value: see `partition_keys`.
    name
        Name of the schema in `SCHEMAS`.
    record
        Study, configuration hash, code fingerprint and the like, kept in the parquet metadata.

    Raises
    ------
    pandera.errors.SchemaError
        If the table does not fit the schema; nothing is written then.
    ValueError
        If a column has the name of a key of the path: no reader could open the folder as one data
        set. Nothing is written then.
    """
    key, schema = _named(name)
    doubled = sorted(partition_keys(path).keys() & schema.columns.keys())
    if doubled:
        raise ValueError(
            f"The table {name!r} has a column {doubled[0]!r}, and so has its path {path}. Rename the "
            "column, or leave the key out of the path."
        )
    valid = schema.validate(table[[column for column in schema.columns if column in table]])
    valid = valid.sort_values(list(key), kind="stable", ignore_index=True)
    write_arrow(arrow.Table.from_pandas(valid, preserve_index=False), path, record)


def write_arrow(
    table: arrow.Table, path: str | Path, record: Mapping[str, Any] | None, **options: Any
) -> None:
    """Write an arrow table as parquet with `record` in its metadata, atomically.

    `options` are those of `pyarrow.parquet.write_table`.
    """
    metadata = dict(table.schema.metadata or {})
    metadata[b"memorability"] = json.dumps(dict(record or {}), sort_keys=True).encode()
    with atomic(path) as temporary:
        parquet.write_table(
            table.replace_schema_metadata(metadata), temporary, write_page_checksum=True, **options
        )


def read(path: str | Path, name: str) -> pd.DataFrame:
    """Read a table and validate it against the schema `name`.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    _, schema = _named(name)
    with readable(path):
        table = _to_pandas(parquet.read_table(path, page_checksum_verification=True))
    return schema.validate(table)


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Raise InputError where the table that is read inside is damaged."""
    try:
        yield
    # arrow and pandas have as many words for it as there are places in a file.
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise InputError(
            f"{path} is damaged ({error}). Delete it and run again; it is then made anew."
        ) from error


def read_if_any(paths: Sequence[str | Path], name: str) -> pd.DataFrame | None:
    """Read the table of an input that a rule may do without: the one path, or None if there is none."""
    return read(paths[0], name) if paths else None


def read_heads(paths: Iterable[str | Path]) -> dict[str, pd.DataFrame]:
    """Return head -> its table `head_predictions`, the head being named by the file's path."""
    return {partition_keys(path)["head"]: read(path, "head_predictions") for path in paths}


def read_record(path: str | Path) -> dict[str, Any]:
    """Return the record that `write` kept in the metadata of the parquet file `path`."""
    metadata = parquet.read_schema(path).metadata or {}
    return dict(json.loads(metadata.get(b"memorability", b"{}")))


def partition_keys(path: str | Path) -> dict[str, str]:
    """Return the keys that a path gives to all rows of its file: key -> value, in their order.

    Directories are named as in Hive: `loss=mse/lr=5e-6` gives a column `loss` and a column `lr`. The
    file itself has no such columns, so that readers of data sets open a whole folder as one table.
    """
    return dict(part.split("=", 1) for part in Path(path).parts[:-1] if "=" in part)


def read_runs(paths: Iterable[str | Path], name: str) -> pd.DataFrame:
    """Read the parts of one table, with the keys of their paths as text columns in front.

    Parts whose path has no keys are returned as they are; of no paths, an empty table. Keys that
    only some of the paths have, as those of what was made elsewhere, are empty in the rows of the
    others.
    """
    keys_of_parts = []
    parts = []
    for path in paths:
        keys = partition_keys(path)
        part = read(path, name)
        for place, (key, value) in enumerate(keys.items()):
            part.insert(place, key, value)
        keys_of_parts.append(keys)
        parts.append(part)
    if not parts:
        return pd.DataFrame(columns=[*RUN_KEYS, *_named(name)[1].columns])
    table = pd.concat(parts, ignore_index=True)
    return table.fillna({key: "" for keys in keys_of_parts for key in keys})


def write_tsv(table: pd.DataFrame, path: str | Path) -> None:
    """Write the reading twin of a table: tab-separated, numbers to six significant digits."""
    with atomic(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g")


def _named(name: str) -> tuple[tuple[str, ...], pa.DataFrameSchema]:
    if name not in SCHEMAS:
        raise ValueError(f"No table is named {name!r} ({nearest(name, SCHEMAS)}).")
    return SCHEMAS[name]


def _to_pandas(table: arrow.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame
