"""The table of contents of the report."""

from pathlib import Path

import pytest

from memorability.report.contents import CONTENTS, FRONT, entries_of, place

ROOT = Path(__file__).resolve().parents[3]
ENTRIES = [(category, entry) for category, entries in CONTENTS.items() for entry in entries]


def test_the_alphabet_keeps_the_order_of_reading() -> None:
    """Snakemake sorts categories, and the labels within each."""
    shown = [place(entry, front=category == FRONT) for category, entry in ENTRIES]
    assert len(set(shown)) == len(shown)
    assert sorted(shown) == shown


def test_the_front_has_the_page_and_at_most_six_figures_of_a_kind_of_study() -> None:
    front = [*CONTENTS[FRONT]]
    assert front[0] == "tables/summary"
    external = [entry for entry in front if "external" in entry]
    assert len(front) - len(external) - 1 == 6


def test_one_of_several_figures_stands_in_front_and_the_others_further_back() -> None:
    category, label = place("figures/errors", front=True, detail="MSE")
    assert category == f"1. {FRONT}"
    assert label.endswith("error by memorability: MSE")
    behind, _ = place("figures/errors", detail="MS-SSIM")
    assert behind.endswith("Reconstruction error")


def test_what_the_report_has_no_place_for_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for 'figures/unknown'"):
        place("figures/unknown")


def test_every_entry_has_a_caption() -> None:
    captions = {path.stem for path in (ROOT / "report").glob("*.rst")}
    entries = {entry.partition("/")[2] for _, entry in ENTRIES}
    assert entries - captions == set()


def test_entries_of_a_study_are_numbered_without_gaps() -> None:
    files = ["<results>/figures/errors/mse.svg", "<results>/figures/decay.svg", "<results>/errors"]
    present = entries_of([*files, "<results>/tables/selection.html", "figures/unknown.svg"])
    assert present == {"figures/errors", "figures/decay", "tables/selection"}
    labels = [place(entry, present=present)[1] for entry in ("figures/errors", "figures/decay")]
    assert [label.partition(".")[0] for label in labels] == ["1", "3"]
