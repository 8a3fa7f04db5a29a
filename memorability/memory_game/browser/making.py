"""Make the folder of a game: its page, images and sequences, and what only the laboratory sees.

`public/` is what a web server hands out, `private/` what it must not, `results/` what observers did.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from memorability.base.errors import InputError
from memorability.base.files import atomic_directory, file_sha256
from memorability.base.seeding import numpy_stream
from memorability.images.decoding import BadImage, decode
from memorability.images.folder import find_images
from memorability.memory_game.browser.settings import GameSettings
from memorability.memory_game.game import Design, deal, draw_sequence, repeats_of

logger = logging.getLogger(__name__)

FORMAT = 1
PAGE = ("index.html", "game.js", "game.css", "storage.js", "showing.js")
_SHOWN_AS_THEY_ARE = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}
_PIXELS_PER_CSS_PIXEL = 2  # of most screens of phones and newer laptops
_LARGEST_TEXT = 100_000
_PRACTICE_DELAYS = (1, 3)
_FILLERS = "_fillers"  # before their names, which images to be scored may have, too
_ROLE_OF_PRACTICE = "practice"


@dataclass(frozen=True)
class Texts:
    """What observers read, as plain text whose paragraphs are divided by empty lines.

    Attributes
    ----------
    title, consent, instructions, debrief, not_qualified
        Name of the study; what a person agrees to; how the game is played; the last page; the last
        page for those who did not get through the practice.
    """

    title: str
    consent: str
    instructions: str
    debrief: str
    not_qualified: str


INSTRUCTIONS = """You will see photographs, one after another. Each one is shown for a short time.

Some photographs come twice. When you see a photograph that you have already seen in this game, \
press the space bar. On a screen without a keyboard, tap the button "Seen before" or the picture.

Press as soon as you recognise the photograph. You may still press shortly after it has disappeared. \
If a photograph is new, do nothing."""
DEBRIEF = """The game is over. Thank you.

We study which photographs people remember. Photographs that many people recognise are called \
memorable. Your answers, together with those of others, tell how memorable each photograph is."""
NOT_QUALIFIED = """Thank you. The practice shows that this game does not work well for you at the \
moment, so it ends here."""


def read_text(path: Path | None, usual: str) -> str:
    """Read a text for observers, or return the usual one where no file is named.

    Raises
    ------
    InputError
        If the file is empty, not UTF-8, too long or cannot be read.
    """
    if path is None:
        return usual
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text in UTF-8: {error}") from error
    if not text or len(text) > _LARGEST_TEXT:
        raise InputError(
            f"{path} has {len(text)} characters. Expected a text of 1 to {_LARGEST_TEXT}."
        )
    return text


@dataclass(frozen=True)
class Made:
    """What was made.

    Attributes
    ----------
    folder
        Of the game.
    participants, targets, showings
        Sequences, images that are scored, and length of a game.
    fewest, most
        Participants who see a target: of the target seen by the fewest and by the most.
    even
        Least number of participants, at least `participants`, with which both are the same; 0 where
        there are versions, for which it is not known.
    """

    folder: Path
    participants: int
    targets: int
    showings: int
    fewest: int
    most: int
    even: int

    def in_words(self) -> str:
        """Return sentences about the folder for the person who made it."""
        seen = str(self.fewest) if self.fewest == self.most else f"{self.fewest} to {self.most}"
        even = (
            ""
            if self.fewest == self.most or not self.even
            else f" With {self.even} participants, all are seen equally often."
        )
        return (
            f"{self.folder}: {self.participants} games of {self.showings} showings each. Each of "
            f"{self.targets} targets is seen by {seen} participants.{even}\nPlay it: "
            f"python -m memorability game serve {self.folder}"
        )


def make_game(
    settings: GameSettings,
    texts: Texts,
    *,
    targets: Path,
    others: Path,
    participants: int,
    seed: int,
    output: Path,
    versions: bool = False,
    on_image: Callable[[], object] = lambda: None,
) -> Made:
    """Make the folder of a game.

    Parameters
    ----------
    settings, texts
        What is shown, and what is said.
    targets, others
        Folders of images: those to be scored, and those for fillers, vigilance and practice.
    participants
        Number of sequences, at least 1. With more of them, the first ones stay the same.
    seed
        Of the streams "game targets", "game others" and "game 1", "game 2" …
    output
        The folder, which must not exist.
    versions
        Whether the targets that lie in one folder are versions of one picture, of which a participant
        sees one.
    on_image
        Called after each image.

    Raises
    ------
    InputError
        If the folder exists, an image cannot be read, there are too few, or the design has no valid
        sequence.
    """
    if output.exists():
        raise InputError(f"{output} exists. A game is made once; name another folder.")
    chosen = [_images(targets, "targets"), _images(others, "fillers")]
    design = settings.design
    practice = settings.practice.images * settings.practice.attempts
    needed = design.fillers + design.vigilance + practice
    for folder, found, least, what in (
        (targets, chosen[0], design.targets, "targets in each game"),
        (others, chosen[1], needed, "fillers, vigilance images and images of the practice"),
    ):
        if len(found) < least:
            raise InputError(
                f"{folder} has {len(found)} images, but a game has {least} {what}. Add images, or "
                "make `design` or `practice` smaller in the file of --settings."
            )
    pictures = None
    if versions:
        folders_of = [str(PurePosixPath(name).parent) for name in chosen[0]]
        pictures = np.unique(folders_of, return_inverse=True)[1]
        if (count := len(set(folders_of))) < design.targets:
            raise InputError(
                f"{targets} has {count} folders of versions, but a game has {design.targets} targets."
            )
    hands = _hands(settings, [len(found) for found in chosen], participants, seed, pictures)
    showings = _showings(settings, hands, seed)
    with atomic_directory(output) as made:
        for name in ("public/images", "public/sequences", "private", "results"):
            (made / name).mkdir(parents=True)
        images = _prepare_images(made, [targets, others], chosen, settings.side_px, on_image)
        images.to_csv(made / "private" / "images.csv", index=False)
        showings.to_csv(made / "private" / "showings.csv", index=False)
        _write_sequences(made / "public" / "sequences", showings, images["shown"].to_numpy(str))
        facts = asdict(settings) | {"format": FORMAT, "seed": seed, "participants": participants}
        identity = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        for name in ("images.csv", "showings.csv"):
            identity.update(file_sha256(made / "private" / name).encode())
        game = identity.hexdigest()[:16]
        write_json(made / "private" / "game.json", facts | {"game": game, "title": texts.title})
        shown = {
            name: facts[name]
            for name in ("image_ms", "gap_ms", "side_px", "preload", "browser_facts", "practice")
        }
        page = shown | {"game": game, "participants": participants, "texts": asdict(texts)}
        write_json(made / "public" / "game.json", page)
        for name in PAGE:
            source = files("memorability.memory_game.browser").joinpath("static", name)
            (made / "public" / name).write_bytes(source.read_bytes())
    seen = np.bincount(hands[0].ravel(), minlength=len(chosen[0]))
    step = int(len(seen) // np.gcd(len(seen), design.targets))
    return Made(
        output, participants, len(seen), design.showings, int(seen.min()), int(seen.max()),
        0 if versions else -(-participants // step) * step,
    )  # fmt: skip


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file that people can read, too."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _images(folder: Path, what: str) -> list[str]:
    if not folder.is_dir():
        raise InputError(f"--{what} {folder} is no folder. Name a folder of images.")
    return find_images(folder)


def _hands(
    settings: GameSettings,
    numbers: Sequence[int],
    participants: int,
    seed: int,
    pictures: NDArray[np.int64] | None,
) -> list[NDArray[np.int64]]:
    """Return which targets, and which other images, each participant sees (participants, images)."""
    design = settings.design
    others = design.fillers + design.vigilance
    others += settings.practice.images * settings.practice.attempts
    return [
        deal(number, participants, each, numpy_stream(seed, f"game {name}"), pictures=of)
        for name, number, each, of in zip(
            ("targets", "others"), numbers, (design.targets, others), (pictures, None), strict=True
        )
    ]


def _showings(
    settings: GameSettings, hands: Sequence[NDArray[np.int64]], seed: int
) -> pd.DataFrame:
    """Return a row per showing, as `private/showings.csv` has them.

    Targets are numbered 0, 1, 2 …, other images −1, −2, −3 …
    """
    design, practice = settings.design, settings.practice
    tables = []
    for number, (targets, others) in enumerate(zip(*hands, strict=True), 1):
        generator = numpy_stream(seed, f"game {number}")
        shuffled = generator.permutation(others)
        played = np.concatenate([generator.permutation(targets), -1 - shuffled])
        try:
            places = draw_sequence(generator, design)
        except ValueError as error:
            raise InputError(f"The design has no game: {error}.") from error
        check_sequence(places, design)
        tables.append(_table(number, "game", 0, played[places], design.roles[places]))
        rest = (-1 - shuffled)[design.fillers + design.vigilance :]
        for attempt, images in enumerate(rest.reshape(practice.attempts, practice.images)):
            order = _practice(practice.images, practice.repeats, generator)
            roles = np.full(len(order), _ROLE_OF_PRACTICE)
            tables.append(_table(number, "practice", attempt, images[order], roles))
    return pd.concat(tables, ignore_index=True)


def check_sequence(places: NDArray[np.int64], design: Design) -> None:
    """Raise RuntimeError unless a sequence keeps to its design; it is read anew, from its positions."""
    for role, times, (low, high) in (
        ("target", 2, design.target_delays),
        ("filler", 1, (0, 0)),
        ("vigilance", 2, design.vigilance_delays),
    ):
        for place in np.flatnonzero(design.roles == role):
            positions = np.flatnonzero(places == place)
            between = int(np.diff(positions)[0]) - 1 if len(positions) == 2 else 0
            if len(positions) != times or not low <= between <= high:
                raise RuntimeError(f"sequence breaks its design: {role} {place} at {positions}")
    if len(places) != design.showings:
        raise RuntimeError(f"sequence has {len(places)} showings, not {design.showings}")


def _practice(images: int, repeats: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return the order of a practice: images in their order, some of them again soon."""
    order = list(range(images))
    for image in sorted(generator.choice(images, repeats, replace=False).tolist(), reverse=True):
        between = int(generator.integers(_PRACTICE_DELAYS[0], _PRACTICE_DELAYS[1] + 1))
        order.insert(min(order.index(image) + 1 + between, len(order)), image)
    return np.array(order, dtype=np.int64)


def _table(
    number: int,
    phase: str,
    attempt: int,
    images: NDArray[np.int64],
    roles: NDArray[np.str_],
) -> pd.DataFrame:
    _, codes = np.unique(images, return_inverse=True)
    repeat, delay = (found[0] for found in repeats_of(codes[np.newaxis]))
    return pd.DataFrame(
        {
            "sequence": number, "phase": phase, "attempt": attempt,
            "position": np.arange(len(images)), "image": images, "role": roles, "repeat": repeat,
            "delay": pd.array(np.where(repeat, delay, 0), dtype="Int64"),
        }
    ).assign(delay=lambda table: table["delay"].where(table["repeat"]))  # fmt: skip


def _prepare_images(
    made: Path,
    folders: Sequence[Path],
    chosen: Sequence[Sequence[str]],
    side_px: int,
    on_image: Callable[[], object],
) -> pd.DataFrame:
    rows, bad = [], []
    for pool, folder, names in zip(("target", "other"), folders, chosen, strict=True):
        for number, name in enumerate(names):
            image = number if pool == "target" else -1 - number
            shown = f"{pool[0]}{number + 1:05d}"
            try:
                suffix, prepared = _prepare(
                    folder / name, made / "public" / "images" / shown, side_px
                )
            except BadImage as error:
                bad.append(f"{folder / name}: {error}")
                continue
            parts = PurePosixPath(name).parts
            rows.append(
                {
                    "image": image, "shown": shown + suffix, "pool": pool,
                    "file": name if pool == "target" else f"{_FILLERS}/{name}",
                    "category": parts[0] if len(parts) > 1 else "all",
                    "subcategory": parts[:-1][:2][-1] if len(parts) > 1 else "all",
                    "prepared": prepared, "sha256": file_sha256(folder / name),
                }
            )  # fmt: skip
            on_image()
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise InputError(
            f"{len(bad)} images cannot be shown ({'; '.join(bad[:3])}{more}). Repair them or take "
            "them out of the folder."
        )
    images = pd.DataFrame(rows)
    same = images[images.duplicated("sha256", keep=False)].sort_values("sha256")
    stems = images["file"].map(lambda name: str(PurePosixPath(name).with_suffix("")))
    twins = images[stems.duplicated(keep=False)]
    for found, what in (
        (same, "are the same picture"),
        (twins, "differ in nothing but the ending"),
    ):
        if len(found):
            first, second = found["file"].iloc[:2]
            raise InputError(
                f"{first} and {second} {what} ({len(found)} such images). A game shows each picture "
                "under one name. Take one of the two away, or rename it."
            )
    return images


def _prepare(source: Path, target: Path, side_px: int) -> tuple[str, str]:
    """Write an image as browsers show it; return its suffix and how it was made.

    What is small, upright and without metadata is copied byte for byte. Everything else is written
    anew: no place or time at which a photograph was taken reaches a browser.
    """
    image = decode(source)
    largest = _PIXELS_PER_CSS_PIXEL * side_px
    with source.open("rb") as file, Image.open(file) as opened:
        kind = opened.format or ""
        plain = not (opened.info.keys() & {"exif", "icc_profile", "xmp", "comment", "transparency"})
        plain &= opened.mode in {"RGB", "L"} and getattr(opened, "n_frames", 1) == 1
    if plain and kind in _SHOWN_AS_THEY_ARE and max(image.size) <= largest:
        suffix = _SHOWN_AS_THEY_ARE[kind]
        shutil.copyfile(source, target.with_suffix(suffix))
        return suffix, "copied"
    smaller = max(image.size) > largest
    if smaller:
        image.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    what = f"{image.width}x{image.height}, " if smaller else ""
    if kind == "JPEG":
        image.save(target.with_suffix(".jpg"), quality=95, subsampling=0)
        return ".jpg", f"{what}JPEG of quality 95"
    image.save(target.with_suffix(".png"))
    return ".png", f"{what}PNG"


def _write_sequences(folder: Path, showings: pd.DataFrame, shown: NDArray[np.str_]) -> None:
    """Write what the page is told of each sequence: the files of its images, in their order."""
    targets = int(np.char.startswith(shown, "t").sum())
    numbers = showings["image"].to_numpy()
    names = shown[np.where(numbers >= 0, numbers, targets - 1 - numbers)]
    named = showings.assign(shown=names)
    for number, rows in named.groupby("sequence"):
        practice = rows[rows["phase"] == "practice"].groupby("attempt")["shown"].agg(list)
        game = rows.loc[rows["phase"] == "game", "shown"].tolist()
        write_json(folder / f"{number:05d}.json", {"practice": practice.tolist(), "game": game})
