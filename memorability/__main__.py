"""Memorability of your images, as a finished study predicts it: `python -m memorability predict`."""

import argparse
import logging
import os
import signal
import sys
from contextlib import nullcontext
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from memorability.base.errors import InputError
from memorability.base.files import atomic

logger = logging.getLogger("memorability")

SUFFIXES = (".csv", ".parquet")
EXPLAINED = """
columns of the table:
  file                    as named, or found in and below a folder
  score                   predicted memorability, in units of the study's scores
  percentile              share (0-100) of the study's unseen images with a lower prediction
  interval_low, _high     where the measured score is expected, from the study's test images
  unusual                 the score lies beyond those of the training images, or the image looks to
                          the encoder less like them than 99 % of the study's unseen images do; grey,
                          blurred and upside-down images are mostly not called unusual
  reason                  why a file could not be read; it keeps its row

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
    from memorability.networks.computing import choose_device
    from memorability.scorer.bundle import read_saved_predictor
    from memorability.scorer.score_images import find_files, score_images, summary
    from memorability.tables import store

    output: Path | None = arguments.output
    _check_output(output, arguments.overwrite)
    device = choose_device(arguments.device)
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: PyTorch finds no GPU here. Use --device cpu, or auto.")
    saved = read_saved_predictor(arguments.model)
    files, others = find_files(arguments.images)
    threads = arguments.threads or torch.get_num_threads()
    make_deterministic(threads)
    logger.info("%s", saved.introduction)
    # The file is begun before the work, so that a directory that may not be written is found out now.
    with atomic(output) if output else nullcontext() as temporary:
        if temporary is not None:
            temporary.touch()
        with progress(len(files), "scoring") as step:
            table = score_images(
                saved,
                files,
                device=device,
                threads=threads,
                category=arguments.category,
                on_image=step,
            )
        if temporary is None:
            print(table.to_csv(index=False), end="", flush=True)
        elif arguments.output.suffix == ".csv":
            table.to_csv(temporary, index=False)
        else:
            store.write(table, temporary, "image_scores", saved.record)
    logger.info("%s", summary(table, others, saved, arguments.category))
    return int(table["score"].isna().all())


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


def _threads(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m memorability", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    predict: Any = commands.add_parser(
        "predict", help="score images and write a table",
        description="Predict the memorability of images from a predictor that a study has saved.",
        epilog=EXPLAINED, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    predict.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE-OR-FOLDER",
        help="image file, or folder whose images, in it and below, are scored",
    )
    predict.add_argument(
        "--model",
        required=True,
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
        "--output",
        type=Path,
        metavar="TABLE",
        help="table to write, .csv or .parquet; without it CSV is printed",
    )
    predict.add_argument("--overwrite", action="store_true", help="replace a table that exists")
    predict.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto (default): cuda where there is a GPU",
    )
    predict.add_argument(
        "--threads", type=_threads, metavar="N", help="CPU threads; all by default"
    )
    predict.set_defaults(command=_predict)
    results: Any = commands.add_parser("results", help="print where a study writes its results")
    results.add_argument("study", type=Path, metavar="FILE", help="the study's file")
    results.add_argument("--finished", action="store_true", help="only if the study is finished")
    results.set_defaults(command=_results)
    return parser


if __name__ == "__main__":
    main()
