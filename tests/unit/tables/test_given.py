"""Tables that users bring: lines as an editor counts them, one form of labels, kinds of files."""

import csv
import io
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorability.base.errors import InputError
from memorability.base.text import one_form
from memorability.tables.given import (
    is_missing,
    named_columns,
    read_given,
    refuse,
    refuse_lookalikes,
    truths,
)

BLANKS = [" ", "\u00a0", "\u202f", "\u3000", "\t", "  "]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


# Lines


@settings(max_examples=50, deadline=None)
@given(
    cells=st.lists(
        st.tuples(st.text('ab,"\n ', max_size=6), st.integers(0, 2)), min_size=1, max_size=12
    ),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_row_is_named_by_the_line_on_which_an_editor_shows_its_beginning(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, int]], end: str
) -> None:
    text, expected = f"name,number{end}", []
    for number, (cell, empty_lines) in enumerate(cells):
        text += end * empty_lines
        expected.append((text.count("\n") + 1, cell, str(number)))
        record = io.StringIO()
        csv.writer(record, lineterminator=end).writerow([cell, number])
        text += record.getvalue()
    table = read_given(write(tmp_path_factory.mktemp("given") / "t.csv", text))
    assert table.index.name == "line"
    found = zip(table.index, table["name"], table["number"], strict=True)
    assert list(found) == expected


def test_rows_of_parquet_are_counted_from_1(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1, 2]}, index=[7, 3]).to_parquet(tmp_path / "t.parquet")
    table = read_given(tmp_path / "t.parquet")
    assert (table.index.name, table.index.tolist()) == ("row", [1, 2])
    with pytest.raises(InputError, match=r"column 'x': bad \(row 2: 2\)"):
        refuse(Path("t.parquet"), "x", table["x"][table["x"] == 2], "bad", "")


def test_a_row_with_more_cells_than_the_header_is_named_by_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n1,2\n\n1,2,3\n")
    with pytest.raises(InputError, match="line 4 has 3 cells, but the header has 2"):
        read_given(path)


def test_rows_and_cells_that_a_spreadsheet_left_empty_are_no_rows(tmp_path: Path) -> None:
    table = read_given(write(tmp_path / "t.csv", "a,b,\n1,2,\n,,\n3,,\n , ,\n"))
    assert table["a"].tolist() == ["1", "3"]
    assert table["b"].tolist() == ["2", ""]
    assert table.index.tolist() == [2, 4]


# Kinds of files


@pytest.mark.parametrize("start", [b"PK\x03\x04more", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "T.CSV"])
def test_a_spreadsheet_under_the_name_of_a_text_is_called_so(
    tmp_path: Path, name: str, start: bytes
) -> None:
    (tmp_path / name).write_bytes(start)
    with pytest.raises(InputError, match=r"spreadsheet program, not text. Save it as CSV"):
        read_given(tmp_path / name)


@pytest.mark.parametrize("name", ["t.CSV", "t.Csv", "t.TSV"])
def test_the_letter_case_of_an_extension_makes_no_difference(tmp_path: Path, name: str) -> None:
    sign = "\t" if name.lower().endswith("tsv") else ","
    assert read_given(write(tmp_path / name, f"a{sign}b\n1{sign}2\n"))["b"].tolist() == ["2"]


# Headers and labels


@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=3), st.data())
def test_texts_that_look_alike_have_one_form(words: list[str], data: st.DataObject) -> None:
    plain = one_form(" ".join(words))
    form = data.draw(st.sampled_from(["NFC", "NFD"]))
    blank, around = data.draw(st.sampled_from(BLANKS)), data.draw(st.sampled_from(["", *BLANKS]))
    written = around + unicodedata.normalize(form, blank.join(plain.split(" "))) + around
    assert one_form(written) == plain
    assert one_form(plain) == plain


def test_a_header_is_found_in_any_form(tmp_path: Path) -> None:
    header = unicodedata.normalize("NFD", "Bekanntheit für\u00a0alle")
    table = read_given(write(tmp_path / "t.csv", f" file ,{header} \na.jpg,1\n"))
    columns = {"file": "file\u00a0", "score": "Bekanntheit  für alle"}
    given_columns = named_columns(Path("t.csv"), table, columns, "dataset.columns")
    assert given_columns.to_dict("list") == {"file": ["a.jpg"], "score": ["1"]}


def test_a_column_that_is_there_twice_is_refused_where_it_is_named(tmp_path: Path) -> None:
    table = read_given(write(tmp_path / "t.csv", "a,score,b,score \n1,2,3,4\n"))
    assert named_columns(Path("t.csv"), table, {"x": "b"}, "k")["x"].tolist() == ["3"]
    with pytest.raises(InputError, match=r"2 columns named 'score' \(columns 2 and 4\)"):
        named_columns(Path("t.csv"), table, {"x": "score"}, "k")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Animal", "animal"), ("sea side", "seaside"), ("STRASSE", "straße"), ("ﬁsh", "fish"),
        ("zero\u200bwidth", "zerowidth"), ("ÉTÉ", "été"),
    ],
)  # fmt: skip
def test_labels_that_look_alike_are_asked_about_by_both_names(one: str, other: str) -> None:
    labels = pd.Series([one, other, one, "another"], index=pd.Index([2, 3, 4, 5], name="line"))
    with pytest.raises(InputError) as caught:
        refuse_lookalikes(Path("t.csv"), "kind", labels)
    assert f"{one!r} (2 rows, the first in line 2) and {other!r} (1 rows" in str(caught.value)


def test_other_labels_are_not_asked_about() -> None:
    labels = pd.Series(["a", "b", "a b", "à", "10", "1", "a"])
    refuse_lookalikes(Path("t.csv"), "kind", labels)


# Cells


def test_words_for_nothing_and_words_for_yes_and_no() -> None:
    nothing = pd.Series(["", " ", "NA", "n/a", "NaN", "null", "None", "-", None, np.nan])
    assert is_missing(nothing).all()
    assert not is_missing(pd.Series(["0", "-0.5", "nano", "high"])).any()
    said = truths(pd.Series(["1", "TRUE", "yes", " 1.0", "0", "False", "no", "0.0", "2", "maybe"]))
    assert said.tolist()[:8] == [True] * 4 + [False] * 4
    assert said[8:].isna().all()
    assert truths(pd.Series([True, False])).tolist() == [True, False]
    assert truths(pd.Series([1.0, 0.0])).tolist() == [True, False]
