"""`memorability predict`: a table of scores of any images."""

import argparse
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from memorability.base.errors import InputError, nearest
from memorability.base.files import atomic
from memorability.commands.shared import (
    add_computing,
    add_predictors,
    count,
    device_of,
    refuse_existing,
    refuse_unknown_predictors,
)
from memorability.pixel_predictors.names import PIXEL_PREDICTORS, MemNetScale

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("memorability")

SUFFIXES = (".csv", ".parquet")

EXPLAINED = f"""
predictors that read pixels (docs/predictors.md says which to use when):
{chr(10).join(f"  {spec.name:25} {spec.label}: {spec.predicts}" for spec in PIXEL_PREDICTORS.values())}

columns of the table with --model alone:
  file                    as named, or found in and below a folder
  score                   predicted memorability, in units of the study's scores
  percentile              share (0-100) of the study's unseen images with a lower prediction
  interval_low, _high     where the measured score is expected, from the study's test images
  unusual                 the score lies beyond those of the training images, or the image looks to
                          the encoder less like them than 99 % of the study's unseen images do; grey,
                          blurred and upside-down images are mostly not called unusual
  reason                  why a file could not be read; it keeps its row

columns of the table with --predictor, one row per file and predictor:
  file, score, reason     as above; the score in units of what the predictor predicts
  predictor, predicts     which predictor, and what its score is
  mirror_averaged         whether the score is the mean of the image's and its mirror image's
  trained_on              the images that its weights were fitted to: its scores of these are too good
  version, weights_sha256, preprocessing, licence
                          of its weights, and how images are prepared for it

exit status: 0 when an image was scored, 1 when none was or something must be mended, 2 for a wrong
command line, 130 after Ctrl-C, which leaves no table.
"""


def add_predict(commands: Any) -> None:
    """Add the command to the others."""
    predict: Any = commands.add_parser(
        "predict", help="score images and write a table",
        description="Predict the memorability of images by predictors of the field, by one that a "
        "study has saved, or by both.",
        epilog=EXPLAINED, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    predict.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE-OR-FOLDER",
        help="image file, or folder whose images, in it and below, are scored",
    )
    add_predictors(predict, "results/<study>/predictor/bundle.safetensors, here or from elsewhere")
    predict.add_argument(
        "--category",
        metavar="NAME",
        help="category of the study that all images belong to: its interval is narrower than the one "
        "that holds in every category",
    )
    predict.add_argument(
        "--weights",
        action="append",
        default=[],
        type=_weights,
        metavar="NAME=FILE",
        help="weights of a predictor, as memnet=memnet.caffemodel",
    )
    predict.add_argument(
        "--mean-image", type=Path, metavar="FILE", help="of MemNet: .npy, .mat or .binaryproto"
    )
    predict.add_argument(
        "--memnet-scale",
        choices=get_args(MemNetScale),
        default="raw",
        help="of MemNet's scores: raw (default), or as on its website",
    )
    predict.add_argument(
        "--mirror", action="store_true", help="average the scores of image and mirror image"
    )
    predict.add_argument(
        "--batch-size",
        type=count,
        default=16,
        metavar="N",
        help="images that are scored together (default: 16)",
    )
    predict.add_argument(
        "--output",
        type=Path,
        metavar="TABLE",
        help="table to write, .csv or .parquet; without it CSV is printed",
    )
    add_computing(predict)
    predict.set_defaults(command=_predict)


def _predict(arguments: argparse.Namespace) -> int:
    """Score images, write their table and return the exit status."""
    import torch

    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.scorer.score_images import find_files
    from memorability.tables import store

    output: Path | None = arguments.output
    _check_output(output, arguments.overwrite)
    device = device_of(arguments.device)
    threads = arguments.threads or torch.get_num_threads()
    _check_predictors(arguments)
    files, others = find_files(arguments.images)
    make_deterministic(threads)
    open_scoring = _side_by_side if arguments.predictor else _by_study
    scoring = open_scoring(arguments, device, threads)
    # The file is begun before the work, so that a directory that may not be written is found out now.
    with atomic(output) if output else nullcontext() as temporary:
        if temporary is not None:
            temporary.touch()
        with progress(len(files), "scoring") as step:
            table = scoring.score(files, step)
        if temporary is None:
            print(table.to_csv(index=False), end="", flush=True)
        elif arguments.output.suffix == ".csv":
            table.to_csv(temporary, index=False)
        else:
            store.write(table, temporary, scoring.table, scoring.record)
    logger.info("%s", scoring.summary(table, others))
    return int(table["score"].isna().all())


class _Scoring(NamedTuple):
    """What is left to do once the predictors are open: which table is made, and how."""

    table: str
    record: Mapping[str, Any]
    score: Callable[[Sequence[Path], Callable[[], object]], "pd.DataFrame"]
    summary: Callable[["pd.DataFrame", int], str]


def _by_study(arguments: argparse.Namespace, device: str, threads: int) -> _Scoring:
    """Open the saved predictor of a study, which scores with intervals."""
    from memorability.scorer.bundle import read_saved_predictor
    from memorability.scorer.score_images import score_images, summary

    saved = read_saved_predictor(arguments.model)
    logger.info("%s", saved.introduction)
    return _Scoring(
        "image_scores",
        saved.record,
        lambda files, step: score_images(
            saved, files, device=device, threads=threads, batch_size=arguments.batch_size,
            category=arguments.category, on_image=step,
        ),
        lambda table, others: summary(table, others, saved, arguments.category),
    )  # fmt: skip


def _side_by_side(arguments: argparse.Namespace, device: str, threads: int) -> _Scoring:
    """Open predictors that read pixels, and that of a study if it is named."""
    from memorability.pixel_predictors.opening import open_predictor
    from memorability.scorer.side_by_side import of_study, score_side_by_side, summary
    from memorability.sources.fetching import resources_directory

    # What needs files of yours comes first: a mistake in them shall not wait for a download.
    studies = [of_study(arguments.model)] if arguments.model else []
    weights = dict(arguments.weights)
    names = sorted(
        set(arguments.predictor), key=lambda name: (bool(PIXEL_PREDICTORS[name].downloads), name)
    )
    predictors = studies + [
        open_predictor(
            name, resources=resources_directory(), weights=weights.get(name),
            mean_image=arguments.mean_image, scale=arguments.memnet_scale,
        )
        for name in names
    ]  # fmt: skip
    return _Scoring(
        "predictor_scores",
        {"predictors": [asdict(predictor.facts) for predictor in predictors]},
        lambda files, step: score_side_by_side(
            predictors, files, device=device, threads=threads, batch_size=arguments.batch_size,
            mirror=arguments.mirror, on_image=step,
        ),
        summary,
    )  # fmt: skip


def _check_predictors(arguments: argparse.Namespace) -> None:
    refuse_unknown_predictors(arguments)
    for name, file in arguments.weights:
        if name not in arguments.predictor:
            raise InputError(
                f"--weights {name}={file}: no --predictor {name} is asked for "
                f"({nearest(name, arguments.predictor or PIXEL_PREDICTORS)})."
            )
    if arguments.category and arguments.predictor:
        raise InputError("--category is for the intervals of --model, without --predictor.")
    if arguments.mirror and not arguments.predictor:
        raise InputError("--mirror is for --predictor; the intervals of --model hold without it.")


def _check_output(output: Path | None, overwrite: bool) -> None:
    if output is None:
        return
    if output.suffix not in SUFFIXES:
        raise InputError(f"--output {output}: name a file that ends in {' or '.join(SUFFIXES)}.")
    refuse_existing(output, overwrite)


def _weights(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE")
    return name, Path(file)
