"""Tables as pages that a browser shows without any other file."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability.report.pages import list_part, show, write_page

NASTY = "<script>alert('x')</script> & \"more\""


class Reader(HTMLParser):
    """Collects what a browser would: tags, attributes and the text of each element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.texts.setdefault(tag, []).append("")

    def handle_data(self, data: str) -> None:
        if self.tags and data.strip():
            self.texts[self.tags[-1]][-1] += data


def page_of(table: pd.DataFrame, path: Path, **settings: object) -> str:
    write_page(table, path / "page.html", **({"title": "Title"} | settings))  # type: ignore[arg-type]
    return (path / "page.html").read_text(encoding="utf-8")


# Numbers and words


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.12345, "0.123"),
        (0.0005, "0.0005"),
        (0.00009, "0.00009"),
        (1.234e-12, "0.0000000000012"),
        (-0.00042, "−0.00042"),
        (0.001, "0.001"),
        (-0.5, "−0.500"),
        (-0.0, "0.000"),
        (0.0, "0.000"),
        (1234.5678, "1234.568"),
        (3, "3"),
        (10_000, "10000"),
        (True, "yes"),
        (False, "no"),
        ("mse", "mse"),
        (None, "–"),
        (float("nan"), "–"),
        (pd.NA, "–"),
    ],
)
def test_a_value_is_shown_to_three_decimals_or_with_the_digits_that_count(
    value: object, shown: str
) -> None:
    assert show(value) == shown


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_shown_is_near_the_number_and_never_a_zero_that_it_is_not(value: float) -> None:
    shown = float(show(value).replace("−", "-"))
    assert abs(shown - value) <= max(0.0005, 0.05 * min(abs(value), 0.001)) + 1e-9 * abs(value)
    assert (shown == 0) == (value == 0)


def test_numbers_of_a_table_are_aligned_and_words_are_not(tmp_path: Path) -> None:
    # The ledger counts images as Int64, since a figure may have none.
    table = pd.DataFrame({"loss": ["mse"], "r": [0.25], "n": pd.array([120], dtype="Int64")})
    page = page_of(table.assign(seeds=5), tmp_path)
    cells = re.findall(r"<td( class=\"number\")?>(.*?)</td>", page)
    assert [(text, bool(number)) for number, text in cells] == [
        ("mse", False), ("0.250", True), ("120", True), ("5", True),
    ]  # fmt: skip


def test_a_missing_value_of_any_column_is_a_dash(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "text": pd.Series(["a", None], dtype="str"),
            "number": [1.0, None],
            "count": pd.array([1, None], dtype="Int64"),
        }
    )
    cells = re.findall(r"<td.*?>(.*?)</td>", page_of(table, tmp_path))
    assert cells == ["a", "1.000", "1", "–", "–", "–"]


def test_a_column_with_words_is_aligned_as_words_and_one_of_intervals_as_numbers(
    tmp_path: Path,
) -> None:
    table = pd.DataFrame(
        {
            "value": ["3.11", "linux", "120"],
            "r [CI]": ["−0.100 [−0.200, 0.000]", "–", "0.0000012"],
            "p": ["< 0.001", "too few (7)", "–"],
            "nothing": ["–", "", "–"],
        }
    )
    page = page_of(table, tmp_path)
    heads = re.findall(r"<th( class=\"number\")?>", page)
    assert [bool(head) for head in heads] == [False, True, True, False]
    cells = re.findall(r"<td( class=\"number\")?>", page)
    assert [bool(cell) for cell in cells] == [False, True, True, False] * 3


# Escaping


def test_no_text_from_outside_becomes_markup(tmp_path: Path) -> None:
    table = pd.DataFrame({NASTY: [NASTY], "b": ["x"]})
    page = page_of(table, tmp_path, title=NASTY, note=NASTY, headers={"b": NASTY})
    reader = Reader(page)
    assert "script" not in reader.tags
    assert reader.texts["title"] == reader.texts["h1"] == [NASTY]
    assert reader.texts["th"] == [NASTY, NASTY]
    assert reader.texts["td"] == [NASTY, "x"]
    assert NASTY in reader.texts["p"]


def test_the_sentence_of_an_empty_table_is_escaped_too(tmp_path: Path) -> None:
    page = page_of(pd.DataFrame(columns=["a"]), tmp_path, empty="none & <b>nothing</b>")
    assert Reader(page).texts["p"] == ["none & <b>nothing</b>"]
    assert "b" not in Reader(page).tags


# What is on the page


def test_an_empty_table_is_a_sentence_rather_than_bare_headings(tmp_path: Path) -> None:
    page = page_of(
        pd.DataFrame(columns=["file", "reason"]), tmp_path, empty="No image was rejected."
    )
    reader = Reader(page)
    assert reader.texts["p"] == ["No image was rejected."]
    assert "table" not in reader.tags


def test_a_table_with_rows_has_no_sentence_and_no_empty_note(tmp_path: Path) -> None:
    reader = Reader(page_of(pd.DataFrame({"a": ["x"]}), tmp_path, empty="Nothing."))
    assert "p" not in reader.tags


def test_the_note_is_read_before_the_table(tmp_path: Path) -> None:
    page = page_of(pd.DataFrame({"a": ["x"]}), tmp_path, note="Observers are simulated.")
    assert page.index("Observers are simulated.") < page.index("<table")


def test_a_leading_sentence_stands_between_note_and_table_and_is_no_markup(tmp_path: Path) -> None:
    page = page_of(pd.DataFrame({"a": ["x"]}), tmp_path, note="Mind.", lead="1 of 2 <equal>.")
    assert page.index("Mind.") < page.index("<p>1 of 2 &lt;equal&gt;.</p>") < page.index("<table")


def test_further_tables_have_headings_and_those_without_content_are_left_out(
    tmp_path: Path,
) -> None:
    table, empty = pd.DataFrame({"a": ["x"]}), pd.DataFrame({"a": []})
    page = page_of(
        table,
        tmp_path,
        more={"Next <b>": table, "None": empty},
        folded={"Rest": table, "No": empty},
    )
    reader = Reader(page)
    assert reader.texts["h2"] == ["Next <b>"]
    assert reader.texts["summary"] == ["Rest"]
    assert reader.texts["td"] == ["x"] * 3
    assert page.index("Next") < page.index("Rest")


def test_points_of_a_list_are_text() -> None:
    assert list_part(["a <b>", "c"]) == "<ul>\n<li>a &lt;b&gt;</li>\n<li>c</li>\n</ul>\n"
    assert list_part([]) == ""


def test_styles_are_about_pages_alone(tmp_path: Path) -> None:
    """The report shows the summary within its own first page, whose look is not ours to change."""
    page = page_of(pd.DataFrame({"a": ["x"]}), tmp_path)
    (style,) = Reader(page).texts["style"]
    rules = [rule.partition("{")[0] for rule in style.replace("\n", " ").split("}") if rule.strip()]
    selectors = [selector.strip() for rule in rules for selector in rule.split(",")]
    assert len(selectors) > 10
    assert [selector for selector in selectors if not selector.startswith(".page")] == []


def test_headings_and_rows_keep_their_order(tmp_path: Path) -> None:
    table = pd.DataFrame({"b": ["1", "2"], "a": ["3", "4"]}, index=[9, 3])
    reader = Reader(page_of(table, tmp_path, headers={"a": "The A", "unused": "x"}))
    assert reader.texts["th"] == ["b", "The A"]
    assert reader.texts["td"] == ["1", "3", "2", "4"]


def test_a_page_needs_no_other_file_and_states_its_encoding(tmp_path: Path) -> None:
    page = page_of(pd.DataFrame({"a": ["ü – ≥"]}), tmp_path, note="note")
    reader = Reader(page)
    assert {"link", "script", "img", "iframe", "object"}.isdisjoint(reader.tags)
    assert {"src", "href", "srcset"}.isdisjoint(name for name, _ in reader.attributes)
    assert not re.search(r"https?:|@import|url\(", page)
    assert ("charset", "utf-8") in reader.attributes
    assert reader.texts["td"] == ["ü – ≥"]
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
