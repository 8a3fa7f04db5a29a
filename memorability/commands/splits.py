"""`memorability splits`: the mean and the spread of a table over studies that differ in their split."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorability.base.errors import InputError
from memorability.base.files import atomic
from memorability.commands.shared import refuse_existing

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("memorability")

EXPLAINED = """
columns of the table, one row per row of the studies' tables and figure:
  figure                  r, given_category, mse, ceiling, or value (docs/method.md explains them)
  splits                  studies in which the figure is known
  mean, sd                of the figure over these; sd is the standard deviation, divided by splits - 1
  in_<study>              the figure of one study

The sd says how much the choice of the split moves a figure. It is no standard error of the mean: splits
share images, so that their figures go together.
"""


def add_splits(commands: Any) -> None:
    """Add the command to the others."""
    splits: Any = commands.add_parser(
        "splits", help="average a table over several splits",
        description="Average a table over studies that differ in their split alone: test_sets, "
        "predictor_comparison or prediction_metrics.",
        epilog=EXPLAINED, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    splits.add_argument(
        "tables",
        nargs="+",
        type=Path,
        metavar="TABLE",
        help="results/<study>/tables/<name>.parquet",
    )
    splits.add_argument(
        "--output", type=Path, metavar="FILE", help=".csv; without it CSV is printed"
    )
    splits.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    splits.set_defaults(command=_splits)


def _splits(arguments: argparse.Namespace) -> int:
    """Average tables, write the result and return the exit status."""
    from memorability.scorer.over_splits import over_splits

    output: Path | None = arguments.output
    if output is not None:
        refuse_existing(output, arguments.overwrite)
    name, tables = _read(arguments.tables)
    table = over_splits(name, tables)
    if output is None:
        print(table.to_csv(index=False), end="", flush=True)
    else:
        with atomic(output) as temporary:
            table.to_csv(temporary, index=False)
    logger.info(
        "Mean and standard deviation over %d splits: %s. Splits share images: the deviation is no "
        "standard error of the mean.",
        len(tables), ", ".join(tables),
    )  # fmt: skip
    return 0


def _read(paths: list[Path]) -> tuple[str, dict[str, "pd.DataFrame"]]:
    """Return the name that all tables share, and study -> its table."""
    from pandera.errors import SchemaError

    from memorability.scorer.over_splits import AVERAGED
    from memorability.tables import store

    tables: dict[str, pd.DataFrame] = {}
    name = paths[0].stem
    for path in paths:
        if path.suffix != ".parquet" or path.stem not in AVERAGED:
            raise InputError(
                f"{path} cannot be averaged. Name results/<study>/tables/<name>.parquet, where <name> "
                f"is {' or '.join(AVERAGED)}."
            )
        if path.stem != name:
            raise InputError(
                f"{paths[0]} and {path} are two kinds of table. Average one kind at a time."
            )
        if not path.is_file():
            raise InputError(f"{path} does not exist. Run its study first.")
        study = str(store.read_record(path).get("study", path))
        if study in tables:
            raise InputError(
                f"Two tables are of the study {study}. Give each split a study of its own "
                "(study: a name)."
            )
        try:
            tables[study] = store.read(path, name)
        except SchemaError as reason:
            raise InputError(
                f"{path} was made by another version of this program ({reason}). Run its study again."
            ) from reason
    return name, tables
