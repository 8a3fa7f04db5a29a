"""`memorability fit`: a predictor that reads pixels, fitted to a table of scores."""

import argparse
import logging
from pathlib import Path
from typing import Any

from memorability.base.files import CHECKPOINTS
from memorability.commands.shared import add_computing, device_of, refuse_existing
from memorability.pixel_predictors.names import PIXEL_PREDICTORS

logger = logging.getLogger("memorability")

SECONDS_BETWEEN_SAVES = 300
"""Of a training that is under way."""


def add_fit(commands: Any) -> None:
    """Add the command to the others."""
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
        action="append",
        default=[],
        metavar="FILE",
        help="weights that a fit starts from, in place of a download or of random ones "
        "(docs/predictors.md says which); may be given twice for m3m",
    )
    fit.add_argument(
        "--mean-image", type=Path, metavar="FILE", help="that comes with the file of Hybrid-CNN"
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
    add_computing(fit)
    fit.set_defaults(command=_fit)


def _fit(arguments: argparse.Namespace) -> int:
    """Fit a predictor to a table of scores, write it and return the exit status."""
    import torch

    from memorability.base.seeding import make_deterministic
    from memorability.pixel_predictors.contract import FitSettings, Resuming
    from memorability.pixel_predictors.fitted_file import write_fitted
    from memorability.pixel_predictors.opening import begin_fit
    from memorability.scorer.fitting import fit_to_table
    from memorability.sources.fetching import resources_directory
    from memorability.workflow.fingerprint import fingerprint

    output: Path = arguments.output
    refuse_existing(output, arguments.overwrite)
    device = device_of(arguments.device)
    prepare, fit = begin_fit(
        arguments.predictor, resources=resources_directory(), starts=arguments.start,
        mean_image=arguments.mean_image,
    )  # fmt: skip
    threads = arguments.threads or torch.get_num_threads()
    make_deterministic(threads)
    settings = FitSettings(
        seed=arguments.seed,
        device=device,
        predicts=arguments.column_score,
        trained_on=arguments.scores.name,
        precision=arguments.precision,
        resuming=Resuming(
            directory=resources_directory() / CHECKPOINTS.name,
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
