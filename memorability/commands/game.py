"""`memorability game make`, `serve` and `score`: the memory game in a browser."""

import argparse
import logging
from pathlib import Path
from typing import Any

from memorability.base.errors import InputError
from memorability.commands.shared import count

logger = logging.getLogger(__name__)

PORT = 8765


def add_game(commands: Any) -> None:
    """Add the command `game` to those of the command line."""
    game: Any = commands.add_parser(
        "game", help="run the memory game with people, in a browser",
        description="Make a memory game of your photographs, run it in browsers, and score what comes "
        "in (docs/experiment.md).",
    )  # fmt: skip
    steps = game.add_subparsers(required=True, metavar="STEP")
    make: Any = steps.add_parser(
        "make", help="make the folder of a game",
        description="Write a folder with the page, the images and a sequence for each participant.",
    )  # fmt: skip
    make.add_argument("output", type=Path, metavar="FOLDER", help="to write; it must not exist")
    make.add_argument(
        "--targets", required=True, type=Path, metavar="FOLDER", help="images that are scored"
    )
    make.add_argument(
        "--fillers",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="other images: for fillers, vigilance and practice",
    )
    make.add_argument(
        "--participants", required=True, type=count, metavar="N", help="how many may play"
    )
    make.add_argument(
        "--consent", required=True, type=Path, metavar="FILE", help="text that people agree to"
    )
    for name, what in (
        ("instructions", "how the game is played"),
        ("debrief", "last page"),
        ("not-qualified", "last page for those who do not get through the practice"),
    ):
        make.add_argument(
            f"--{name}", type=Path, metavar="FILE", help=f"text: {what}; a usual one by default"
        )
    make.add_argument("--title", default="Memory game", metavar="TEXT", help="name of the study")
    make.add_argument("--design", default="lamem", metavar="NAME", help="lamem (default) or memcat")
    make.add_argument(
        "--settings", type=Path, metavar="FILE", help="YAML file: own design, times and rules"
    )
    make.add_argument(
        "--versions",
        action="store_true",
        help="targets in one folder are versions of one picture: a participant sees one of them",
    )
    make.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    make.set_defaults(command=_make)
    serve: Any = steps.add_parser(
        "serve", help="run a game on this computer",
        description="Hand out the page of a game and store what comes in. Only this computer reaches "
        "it, unless --address says otherwise; the link then has a secret part.",
    )  # fmt: skip
    serve.add_argument("folder", type=Path, metavar="FOLDER", help="of the game")
    serve.add_argument(
        "--address",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where it listens: 0.0.0.0 for every computer that reaches this one (default: 127.0.0.1)",
    )
    serve.add_argument(
        "--port", type=int, default=PORT, metavar="N", help=f"default: {PORT}; 0 for any"
    )
    serve.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="HOST",
        help="name under which browsers call it, as lab.example.org; may be given several times",
    )
    serve.set_defaults(command=_serve)
    score: Any = steps.add_parser(
        "score", help="make trials and scores of what came in",
        description="Read the results of a game and write trials, observers, scores, consistency and "
        "noise ceiling as tables (docs/experiment.md).",
    )  # fmt: skip
    score.add_argument(
        "results",
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="folder of one game; or CSV files of MemoryGame (data.csv), jsPsych or PsychoPy",
    )
    score.add_argument(
        "--output", required=True, type=Path, metavar="FOLDER", help="to write; it must not exist"
    )
    score.add_argument("--title", metavar="TEXT", help="name of the data set; that of the game")
    score.add_argument(
        "--image", metavar="COLUMN", help="of jsPsych and PsychoPy: column of the image"
    )
    score.add_argument("--response", metavar="COLUMN", help="… column of the pressed key")
    score.add_argument(
        "--key", metavar="KEY", help='… the key that says "seen before"; any key by default'
    )
    score.add_argument(
        "--only",
        action="append",
        default=[],
        type=_column_and_value,
        metavar="COLUMN=VALUE",
        help="… the rows that belong to the game; may be given several times",
    )
    score.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of split halves; default: 0"
    )
    score.set_defaults(command=_score)


def _make(arguments: argparse.Namespace) -> int:
    """Make a game and return the exit status."""
    from memorability.base.job_log import progress
    from memorability.images.folder import find_images
    from memorability.memory_game.browser import making
    from memorability.memory_game.browser.settings import read_settings

    settings = read_settings(arguments.settings, arguments.design)
    texts = making.Texts(
        title=arguments.title,
        consent=making.read_text(arguments.consent, ""),
        instructions=making.read_text(arguments.instructions, making.INSTRUCTIONS),
        debrief=making.read_text(arguments.debrief, making.DEBRIEF),
        not_qualified=making.read_text(arguments.not_qualified, making.NOT_QUALIFIED),
    )
    folders = (arguments.targets, arguments.fillers)
    images = sum(len(find_images(folder)) for folder in folders if folder.is_dir())
    with progress(images, "preparing") as step:
        made = making.make_game(
            settings, texts, targets=arguments.targets, others=arguments.fillers,
            participants=arguments.participants, seed=arguments.seed, output=arguments.output,
            versions=arguments.versions, on_image=step,
        )  # fmt: skip
    logger.info("%s", made.in_words())
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    """Serve a game until it is ended, and return the exit status."""
    from memorability.memory_game.browser.serving import GameServer, locked

    with (
        locked(arguments.folder),
        GameServer(
            arguments.folder, arguments.address, arguments.port, arguments.name
        ) as server,
    ):  # fmt: skip
        print(f"The game: {server.link}", flush=True)
        logger.info("Results: %s. End it with Ctrl-C.", arguments.folder / "results")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            logger.info("Ended.")
    return 0


def _score(arguments: argparse.Namespace) -> int:
    """Score a game and return the exit status."""
    from memorability.memory_game.browser.foreign import Layout, read_foreign
    from memorability.memory_game.browser.reading import read_game
    from memorability.memory_game.browser.scoring import score_game, write_scores
    from memorability.memory_game.browser.settings import Exclusion
    from memorability.memory_game.browser.store import read_facts

    results: list[Path] = arguments.results
    title = "Memory game"
    if any(path.is_dir() for path in results):
        if len(results) > 1:
            raise InputError("RESULTS: name one folder of a game, or files of other programs.")
        title = str(read_facts(results[0])["title"])
        trials, observers = read_game(results[0])
    else:
        layout = Layout(
            arguments.image, arguments.response, arguments.key, dict(arguments.only) or None
        )
        trials, observers = read_foreign(results, layout, Exclusion())
    scored = score_game(trials, observers, seed=arguments.seed)
    write_scores(scored, arguments.output, name=arguments.title or title)
    print(scored.in_words(), flush=True)
    logger.info("Tables: %s", arguments.output / "data")
    return 0


def _column_and_value(text: str) -> tuple[str, str]:
    column, equals, value = text.partition("=")
    if not (column and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=VALUE")
    return column, value
