"""What a game in the browser shows, how long, and which of its observers count."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from memorability.base.errors import InputError, named
from memorability.base.settings import from_params
from memorability.base.text import refuse_doubled_keys
from memorability.memory_game.game import LAMEM, MEMCAT, Design
from memorability.memory_game.scoring import LARGEST_MISS_SHARE

DESIGNS: Mapping[str, Design] = {"lamem": LAMEM, "memcat": MEMCAT}
MOST_SHOWINGS = 5_000


@dataclass(frozen=True)
class Practice:
    """Short games before the game, and who may go on after them.

    Attributes
    ----------
    images, repeats
        Images of one practice, and how many of them come again after one to three others.
    attempts
        How often it may be tried, each time with other images, 0 for no practice.
    fewest_found
        Repeats that must be recognised to go on.
    most_false_alarms
        Other images that may be taken for repeats.
    """

    images: int = 9
    repeats: int = 3
    attempts: int = 2
    fewest_found: int = 2
    most_false_alarms: int = 2


@dataclass(frozen=True)
class Exclusion:
    """Which observers and answers do not count.

    Attributes
    ----------
    largest_miss_share
        Of the vigilance repeats, 0-0.25; who misses a larger share is excluded, as in LaMem.
    largest_false_alarm_share
        Of the first showings, 0-1; who presses the key at a larger share is excluded.
    fastest_answer_ms
        A key pressed sooner after an image appeared does not answer to it, in milliseconds.
    """

    largest_miss_share: float = LARGEST_MISS_SHARE
    largest_false_alarm_share: float = 0.4
    fastest_answer_ms: float = 100.0


@dataclass(frozen=True)
class GameSettings:
    """A game.

    Attributes
    ----------
    design
        Its images and their distances.
    image_ms, gap_ms
        How long an image is shown, and how long nothing is until the next one, in milliseconds.
    side_px
        Longest side of a shown image, in pixels of the page (CSS); it is smaller on a small screen.
    preload
        Images that are loaded ahead of the one that is shown.
    browser_facts
        Whether the name of the browser and the size of the screen are stored.
    """

    design: Design = LAMEM
    image_ms: float = 600.0
    gap_ms: float = 800.0
    side_px: int = 512
    preload: int = 30
    browser_facts: bool = False
    practice: Practice = Practice()
    exclusion: Exclusion = Exclusion()


def read_settings(path: Path | None, design: str) -> GameSettings:
    """Read the settings of a game.

    Parameters
    ----------
    path
        YAML file with any of the fields of `GameSettings`, or None for what is usual.
    design
        Name in `DESIGNS`, for a file that has none of its own.

    Raises
    ------
    InputError
        If the file cannot be read, a name is unknown or a value is out of its range.
    """
    given: Any = {}
    if path is not None:
        refuse_doubled_keys(path)
        try:
            given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"{path} cannot be read as YAML: {error}") from error
        if not isinstance(given, dict):
            raise InputError(f"{path} holds no settings. Expected lines such as `image_ms: 600`.")
    where = str(path) if path else "--design"
    if isinstance(given.get("design", ""), str):
        chosen = named(DESIGNS, given.pop("design", design), "design")
    else:
        chosen = _part(where, Design, given.pop("design"))
    try:
        parts = {
            name: _part(where, kind, given.pop(name, None) or {})
            for name, kind in (("practice", Practice), ("exclusion", Exclusion))
        }
        settings = from_params(GameSettings, given)
    except InputError as error:
        raise InputError(f"{where}: {error}".replace("of the rule", "of the game")) from error
    settings = GameSettings(
        **{one.name: getattr(settings, one.name) for one in fields(settings)}
        | parts
        | {"design": chosen}
    )
    check(settings, where)
    return settings


def _part(where: str, kind: type[Any], given: Any) -> Any:
    if not isinstance(given, dict):
        raise InputError(f"{where}: {given!r} is no group of settings of {kind.__name__}.")
    try:
        return from_params(kind, given)
    except InputError as error:
        raise InputError(f"{where}: {error}".replace("of the rule", "of the game")) from error


def check(settings: GameSettings, where: str) -> None:
    """Raise InputError, naming the setting, if one is out of its range.

    Parameters
    ----------
    settings
        Of a game.
    where
        What to name in front: a file.
    """
    design, practice, exclusion = settings.design, settings.practice, settings.exclusion
    for name, value, low, high in (
        ("image_ms", settings.image_ms, 20, 60_000),
        ("gap_ms", settings.gap_ms, 20, 60_000),
        ("side_px", settings.side_px, 16, 4096),
        ("preload", settings.preload, 1, 200),
        ("design.targets", design.targets, 1, MOST_SHOWINGS),
        ("design.fillers", design.fillers, 0, MOST_SHOWINGS),
        ("design.vigilance", design.vigilance, 0, MOST_SHOWINGS),
        ("practice.images", practice.images, 1, 100),
        ("practice.repeats", practice.repeats, 0, practice.images),
        ("practice.attempts", practice.attempts, 0, 10),
        ("practice.fewest_found", practice.fewest_found, 0, practice.repeats),
        ("practice.most_false_alarms", practice.most_false_alarms, 0, 100),
        # The workflow excludes these observers whatever is written here.
        ("exclusion.largest_miss_share", exclusion.largest_miss_share, 0, LARGEST_MISS_SHARE),
        ("exclusion.largest_false_alarm_share", exclusion.largest_false_alarm_share, 0, 1),
        ("exclusion.fastest_answer_ms", exclusion.fastest_answer_ms, 0, settings.image_ms),
    ):
        kind = float if isinstance(low, float) or name.endswith(("_ms", "_share")) else int
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low <= value <= high or kind(value) != value:
            what = "a number" if kind is float else "a whole number"
            raise InputError(f"{where}: {name} is {value!r}. Expected {what}, {low} to {high}.")
    if not isinstance(settings.browser_facts, bool):
        raise InputError(f"{where}: browser_facts is neither true nor false.")
    for name, delays in (
        ("target_delays", design.target_delays),
        ("vigilance_delays", design.vigilance_delays),
    ):
        whole = all(isinstance(delay, int) and delay >= 0 for delay in delays)
        if len(delays) != 2 or not whole or delays[0] > delays[1]:
            raise InputError(
                f"{where}: design.{name} is {list(delays)}. Expected two whole numbers, the fewest and "
                "the most showings between an image and its repeat, as [35, 150]."
            )
