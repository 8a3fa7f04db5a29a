"""Memorability of your images, predicted by a study or by the field: `python -m memorability`."""

import argparse
import logging
import os
import signal
import sys
from io import TextIOWrapper

from memorability.base.errors import InputError
from memorability.commands.fit import add_fit
from memorability.commands.game import add_game
from memorability.commands.page import add_page
from memorability.commands.predict import add_predict
from memorability.commands.splits import add_splits
from memorability.commands.study import add_study

logger = logging.getLogger("memorability")


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m memorability", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_predict(commands)
    add_fit(commands)
    add_game(commands)
    add_page(commands)
    add_splits(commands)
    add_study(commands)
    return parser


if __name__ == "__main__":
    main()
