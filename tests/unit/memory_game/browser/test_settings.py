"""Settings of a game: designs by name and of one's own, and what is refused."""

from pathlib import Path

import pytest

from memorability.base.errors import InputError
from memorability.memory_game.browser.settings import read_settings
from memorability.memory_game.game import LAMEM, MEMCAT, Design


def written(place: Path, text: str) -> Path:
    path = place / "game.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_designs_have_the_published_lengths() -> None:
    assert read_settings(None, "lamem").design == LAMEM
    assert LAMEM.showings == 2 * 66 + 30 + 2 * 12 == 186
    assert read_settings(None, "memcat").design == MEMCAT
    assert MEMCAT.showings == 2 * 60 + 57 + 2 * 19 == 215


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "image_ms: 1000\ndesign: {targets: 4, fillers: 3, vigilance: 1, target_delays: [2, 5],"
        " vigilance_delays: [0, 1]}\npractice: {attempts: 0}\nexclusion: {fastest_answer_ms: 150}\n",
    )
    settings = read_settings(path, "lamem")
    assert settings.design == Design(4, 3, 1, (2, 5), (0, 1))
    assert (settings.image_ms, settings.gap_ms) == (1000, 800)
    assert (settings.practice.attempts, settings.practice.images) == (0, 9)
    assert settings.exclusion.fastest_answer_ms == 150
    assert settings.exclusion.largest_miss_share == 0.25
    assert read_settings(written(tmp_path, "design: memcat\n"), "lamem").design == MEMCAT
    assert read_settings(written(tmp_path, "# nothing\n"), "lamem").design == LAMEM


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("imagems: 600", "imagems.*did you mean 'image_ms'"),
        ("image_ms: soon", "image_ms is 'soon'"),
        ("image_ms: 5", "image_ms is 5. Expected a number, 20 to 60000"),
        ("side_px: 1.5", "side_px is 1.5. Expected a whole number"),
        ("browser_facts: 3", "browser_facts"),
        ("exclusion: {largest_miss_share: 0.4}", "largest_miss_share is 0.4.*0 to 0.25"),
        ("practice: {repeats: 10}", "practice.repeats is 10"),
        ("practice: 3", "3 is no group of settings"),
        ("design: lamen", "design 'lamen' is unknown.*did you mean 'lamem'"),
        ("design: {targets: 4}", "missing"),
        (
            "design: {targets: 4, fillers: 0, vigilance: 0, target_delays: [5, 2],"
            " vigilance_delays: [0, 1]}",
            r"target_delays is \[5, 2\]",
        ),
        ("- 1", "holds no settings"),
        ("image_ms: [", "cannot be read as YAML"),
        ("image_ms: 600\nimage_ms: 700", "image_ms"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        read_settings(written(tmp_path, text), "lamem")
