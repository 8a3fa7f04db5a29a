"""RESULTS.md: a section per benchmark, each rewritten by itself."""

from benchmarks.harness import Row, Timing
from benchmarks.run import HEADER, section, with_section

SPEED = Timing((2.0, 4.0, 3.0))


def test_a_section_is_added_then_replaced_alone() -> None:
    text = with_section(HEADER, "one", "## one\n\nfirst\n")
    text = with_section(text, "two", "## two\n\nother\n")
    text = with_section(text, "one", "## one\n\nsecond\n")
    assert text.startswith(HEADER.rstrip())
    assert "first" not in text
    assert text.index("second") < text.index("## two")
    assert text.endswith("other\n")


def test_a_row_says_whether_its_target_was_met() -> None:
    timing = Timing((1.0, 1.0, 1.0))
    rows = [
        Row("fast", timing, timing, SPEED, "at least 2 ×", True, "equal"),
        Row("slow", timing, timing, SPEED, "at least 9 ×", False),
        Row("alone", timing),
    ]
    text = section("one", "What for.", rows)
    assert text.startswith("## one\n\nWhat for.\n\n`make bench ONLY=one`")
    assert "| fast | 1 (1–1) | 1 (1–1) | 3 (2–4) | at least 2 ×: met | equal |" in text
    assert "at least 9 ×: **missed**" in text
    assert "| alone | 1 (1–1) | – | – |  |  |" in text
