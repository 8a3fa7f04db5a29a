"""Memorability of your images, predicted by a study or by the field: `python -m memorability`."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from memorability.base.errors import InputError, named, nearest
from memorability.base.files import CHECKPOINTS, atomic
from memorability.memory_game.browser.command import add_game
from memorability.pixel_predictors.names import PIXEL_PREDICTORS, MemNetScale

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("memorability")

SUFFIXES = (".csv", ".parquet")
RESOURCES = Path(__file__).parents[1] / "resources"
SECONDS_BETWEEN_SAVES = 300
"""Of a training that is under way."""

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


def main() -> None:
    """Run what the command line asks for."""
    # A name that the terminal cannot show is written with \u…: no table is lost for its sake.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # On a terminal the bar says what the lines of a log say.
    logging.getLogger("memorability.base.job_log").disabled = sys.stderr.isatty()
    logging.captureWarnings(True)
    # Whoever is ended by a scheduler cleans up as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        sys.exit(arguments.command(arguments))
    except InputError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        logger.info("Stopped: no table was written.")
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        # Who read the table has had enough of it, as `head` has; nothing is left to flush at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _predict(arguments: argparse.Namespace) -> int:
    """Score images, write their table and return the exit status."""
    import torch

    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.scorer.score_images import find_files
    from memorability.tables import store

    output: Path | None = arguments.output
    _check_output(output, arguments.overwrite)
    device = _device(arguments.device)
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

    # What needs files of yours comes first: a mistake in them shall not wait for a download.
    studies = [of_study(arguments.model)] if arguments.model else []
    weights = dict(arguments.weights)
    names = sorted(
        set(arguments.predictor), key=lambda name: (bool(PIXEL_PREDICTORS[name].downloads), name)
    )
    predictors = studies + [
        open_predictor(
            name, resources=RESOURCES, weights=weights.get(name),
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


def _device(asked: str) -> str:
    import torch

    from memorability.networks.computing import choose_device

    device = choose_device(asked)
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: PyTorch finds no GPU here. Use --device cpu, or auto.")
    return device


def _check_predictors(arguments: argparse.Namespace) -> None:
    if not arguments.predictor and arguments.model is None:
        raise InputError(
            "Nothing says what to score with. Name a predictor (--predictor resmem_published), the "
            "file of a study (--model results/<study>/predictor/bundle.safetensors), or both."
        )
    for name in arguments.predictor:
        named(PIXEL_PREDICTORS, name, "predictor")
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


def _fit(arguments: argparse.Namespace) -> int:
    """Fit a predictor to a table of scores, write it and return the exit status."""
    import torch

    from memorability.base.seeding import make_deterministic
    from memorability.pixel_predictors.contract import FitSettings, Resuming
    from memorability.pixel_predictors.fitted_file import write_fitted
    from memorability.pixel_predictors.opening import begin_fit
    from memorability.scorer.fitting import fit_to_table
    from memorability.workflow.fingerprint import fingerprint

    output: Path = arguments.output
    if output.exists() and not arguments.overwrite:
        raise InputError(f"--output {output} exists. Name another file, or add --overwrite.")
    device = _device(arguments.device)
    prepare, fit = begin_fit(arguments.predictor, resources=RESOURCES, start=arguments.start)
    threads = arguments.threads or torch.get_num_threads()
    make_deterministic(threads)
    settings = FitSettings(
        seed=arguments.seed,
        device=device,
        predicts=arguments.column_score,
        trained_on=arguments.scores.name,
        precision=arguments.precision,
        resuming=Resuming(
            directory=RESOURCES / CHECKPOINTS.name,
            seconds=SECONDS_BETWEEN_SAVES,
            code=fingerprint(__file__, PIXEL_PREDICTORS[arguments.predictor].fits),
        ),
    )
    outcome = fit_to_table(
        prepare, fit, arguments.scores, arguments.images,
        columns=(arguments.column_file, arguments.column_score), settings=settings, threads=threads,
    )  # fmt: skip
    write_fitted(outcome.fitted.predictor, output)
    logger.info("%s", outcome.in_words())
    logger.info(
        "Score images with it: --predictor %s --weights %s=%s",
        arguments.predictor, arguments.predictor, output,
    )  # fmt: skip
    return 0


def _results(arguments: argparse.Namespace) -> int:
    """Print where a study writes its results and return the exit status."""
    from memorability.study.configuration_files import results_directory

    results = results_directory(arguments.study, Path(__file__).parents[1])
    if arguments.finished and not (results / "provenance.json").is_file():
        raise InputError(
            f"The study {arguments.study} is not finished: {results}/provenance.json is not there. Run "
            f"make study STUDY={arguments.study}, then make report STUDY={arguments.study}."
        )
    print(results)
    return 0


def _check_output(output: Path | None, overwrite: bool) -> None:
    if output is None:
        return
    if output.suffix not in SUFFIXES:
        raise InputError(f"--output {output}: name a file that ends in {' or '.join(SUFFIXES)}.")
    if output.exists() and not overwrite:
        raise InputError(f"--output {output} exists. Name another file, or add --overwrite.")


def _weights(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE")
    return name, Path(file)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _add_computing(command: Any) -> None:
    command.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    command.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto (default): cuda where there is a GPU",
    )
    command.add_argument("--threads", type=_count, metavar="N", help="CPU threads; all by default")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m memorability", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
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
    predict.add_argument(
        "--predictor",
        action="append",
        default=[],
        metavar="NAME",
        help=f"may be given several times: {', '.join(PIXEL_PREDICTORS)}; weights are fetched once",
    )
    predict.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="results/<study>/predictor/bundle.safetensors, here or from elsewhere",
    )
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
        type=_count,
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
    _add_computing(predict)
    predict.set_defaults(command=_predict)
    fit: Any = commands.add_parser(
        "fit", help="fit a predictor to scores of your own",
        description="Fit a predictor to a table of scores and a folder of images; print how well it "
        "predicts images that it did not see.",
    )  # fmt: skip
    fittable = [spec.name for spec in PIXEL_PREDICTORS.values() if spec.fits]
    fit.add_argument("--predictor", required=True, metavar="NAME", help=", ".join(fittable))
    fit.add_argument(
        "--scores", required=True, type=Path, metavar="TABLE", help="CSV, TSV or Parquet file"
    )
    fit.add_argument(
        "--images", required=True, type=Path, metavar="FOLDER", help="file names are relative to it"
    )
    fit.add_argument(
        "--start",
        type=Path,
        metavar="FILE",
        help="weights that a fit starts from, in place of a download or of random ones "
        "(docs/predictors.md says which)",
    )
    fit.add_argument("--column-file", default="file", metavar="NAME", help="default: file")
    fit.add_argument("--column-score", default="score", metavar="NAME", help="default: score")
    fit.add_argument(
        "--precision",
        choices=("fp32", "bf16"),
        default="fp32",
        help="in which a training computes: bf16 is faster where the processor has it (default: fp32)",
    )
    fit.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of split and training; default: 0"
    )
    fit.add_argument("--output", required=True, type=Path, metavar="FILE", help="the predictor")
    _add_computing(fit)
    fit.set_defaults(command=_fit)
    add_game(commands)
    results: Any = commands.add_parser("results", help="print where a study writes its results")
    results.add_argument("study", type=Path, metavar="FILE", help="the study's file")
    results.add_argument("--finished", action="store_true", help="only if the study is finished")
    results.set_defaults(command=_results)
    return parser


if __name__ == "__main__":
    main()
