"""Small games for tests: photographs, a short design, and answers as a page sends them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from memorability.memory_game.browser.making import Made, Texts, make_game
from memorability.memory_game.browser.settings import GameSettings, Practice
from memorability.memory_game.game import Design

SMALL = GameSettings(
    design=Design(10, 6, 4, (3, 20), (0, 3)),
    image_ms=60.0,
    gap_ms=60.0,
    side_px=128,
    practice=Practice(images=4, repeats=2, attempts=2, fewest_found=1, most_false_alarms=1),
)
TEXTS = Texts(
    "A study", "You take part.\n\nYou may stop.", "Press space.", "Done.", "Not this time."
)


def photographs(folder: Path, number: int, seed: int, *, side: int = 24) -> Path:
    """Write different pictures of noise, half of them in each of two folders."""
    stream = np.random.default_rng(seed)
    for place in range(number):
        path = folder / ("animal", "food")[place % 2] / f"{place:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = stream.integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return folder


def small_game(
    place: Path, *, participants: int = 8, targets_number: int = 20, others_number: int = 30,
    **changes: Any,
) -> Made:  # fmt: skip
    """Make a game in `place / "game"`."""
    return make_game(
        replace(SMALL, **changes), TEXTS,
        targets=photographs(place / "targets", targets_number, 1),
        others=photographs(place / "others", others_number, 2),
        participants=participants, seed=0, output=place / "game",
    )  # fmt: skip


def showings(folder: Path, sequence: int = 1, phase: str = "game") -> pd.DataFrame:
    """Return the showings of a sequence, as the laboratory has them."""
    table = pd.read_csv(folder / "private" / "showings.csv", dtype={"delay": "Int64"})
    chosen = (table["sequence"] == sequence) & (table["phase"] == phase)
    return table[chosen].sort_values("position", ignore_index=True)


def public_sequence(folder: Path, sequence: int) -> dict[str, Any]:
    """Return what the page is told of a sequence."""
    path = folder / "public" / "sequences" / f"{sequence:05d}.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def trial(position: int, pressed: bool = False, **changes: Any) -> dict[str, Any]:
    """Return the record of a showing."""
    record = {
        "kind": "trial", "phase": "game", "attempt": 0, "position": position, "planned_ms": 1000.0,
        "onset_ms": 1001.0, "offset_ms": 1601.0, "frame_ms": 16.7, "frames": 36, "dropped": 0,
        "presses": [["space", 450.5]] if pressed else [], "status": "shown",
    }  # fmt: skip
    return record | changes


def participant(number: int) -> str:
    """Return the name of a participant, which is the same each time."""
    return f"{number:032x}"
