"""`memorability page`: a page in the browser that scores images which are dropped on it."""

import argparse
import logging
import secrets
from pathlib import Path
from typing import Any

from memorability.commands.shared import add_predictors, count, device_of, refuse_unknown_predictors

logger = logging.getLogger("memorability")

PORT = 8766


def add_page(commands: Any) -> None:
    """Add the command to the others."""
    page: Any = commands.add_parser(
        "page", help="score images in a page of the browser",
        description="Serve a page that scores the images that are dropped on it (docs/page.md). Only "
        "this computer reaches it, unless --address says otherwise; the link then has a secret part.",
    )  # fmt: skip
    add_predictors(
        page,
        "results/<study>/predictor/bundle.safetensors: its scores have percentiles and intervals",
    )
    page.add_argument(
        "--address", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1"
    )
    page.add_argument(
        "--port", type=int, default=PORT, metavar="N", help=f"default: {PORT}; 0 for any"
    )
    page.add_argument(
        "--name", action="append", default=[], metavar="HOST", help="under which browsers call it"
    )
    page.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto"
    )
    page.add_argument("--threads", type=count, metavar="N", help="CPU threads; all by default")
    page.set_defaults(command=_page)


def _page(arguments: argparse.Namespace) -> int:
    """Serve the page until it is ended, and return the exit status."""
    refuse_unknown_predictors(arguments)
    import torch

    from memorability.base.seeding import make_deterministic
    from memorability.page.scoring import Scorers, Study
    from memorability.page.serving import AT_ONCE, PageServer
    from memorability.page.unpacking import Unpacker
    from memorability.pixel_predictors.opening import open_predictor
    from memorability.scorer.bundle import read_saved_predictor
    from memorability.sources.fetching import resources_directory
    from memorability.web.local_server import is_loopback

    device = device_of(arguments.device)
    threads = arguments.threads or torch.get_num_threads()
    model: Path | None = arguments.model
    study = Study(read_saved_predictor(model), model) if model else None
    resources = resources_directory()
    predictors = [
        open_predictor(name, resources=resources) for name in dict.fromkeys(arguments.predictor)
    ]
    make_deterministic(threads)
    token = "" if is_loopback(arguments.address) else secrets.token_urlsafe(16)
    unpacker = Unpacker(AT_ONCE)
    scorers = Scorers(
        [predictor.to(device) for predictor in predictors], study, device, threads, unpacker
    )
    with (
        unpacker,
        PageServer(
            scorers, address=arguments.address, port=arguments.port, names=arguments.name,
            token=token,
        ) as server,
    ):  # fmt: skip
        print(f"The page: {server.link}", flush=True)
        logger.info("End it with Ctrl-C. Images are not kept.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            logger.info("Ended.")
    return 0
