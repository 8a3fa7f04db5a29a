"""Score tables as people save them, and the mistakes that they make in them."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from memorability.base.errors import InputError
from memorability.data.scores import read_scores

COLUMNS = {
    "file": "picture",
    "score": "memorability",
    "category": "kind",
    "subcategory": "sort",
    "hits": "H",
    "false_alarms": "FA",
    "responses": "n",
}
FULL = pd.DataFrame(
    {
        "picture": ["cat/b.jpg", "cat/a.jpg", "car/c.PNG"],
        "kind": ["animal", "animal", "vehicle"],
        "sort": ["cat", "cat", "car"],
        "H": [60, 70, 10],
        "FA": [5, 0, 9],
        "n": [80, 100, 90],
        "memorability": [0.6875, 0.7, 0.011111111111111112],
    }
)
PLAIN = {"file": "file", "score": "score"}


def full(**changes: list[Any]) -> pd.DataFrame:
    # Two vehicles, so that no category is seen once.
    extra = FULL.iloc[[2]].assign(picture="car/d.png")
    return pd.concat([FULL, extra], ignore_index=True).assign(**changes)


def save(table: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep="\t" if path.suffix == ".tsv" else ",", index=False)
    return path


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def refusal(path: Path, columns: Mapping[str, str] = PLAIN) -> str:
    with pytest.raises(InputError) as caught:
        read_scores(path, columns)
    message = str(caught.value)
    assert str(path) in message
    return message


# What is read


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_every_kind_of_table_is_brought_into_our_columns(tmp_path: Path, suffix: str) -> None:
    table = read_scores(save(full(), tmp_path / f"scores{suffix}"), COLUMNS)
    assert list(table.columns) == [
        *("file", "image_id", "category", "subcategory"),
        *("hits", "false_alarms", "responses", "score", "score_uncorrected"),
        *("false_alarm_rate", "d_prime", "criterion", "missing"),
    ]
    first = 1 if suffix == ".parquet" else 2
    assert table.index.tolist() == [first + row for row in range(4)]
    assert set(table["missing"]) == {""}
    assert table["file"].tolist() == ["cat/b.jpg", "cat/a.jpg", "car/c.PNG", "car/d.png"]
    assert table["image_id"].tolist() == ["cat/b", "cat/a", "car/c", "car/d"]
    assert table["category"].tolist() == ["animal", "animal", "vehicle", "vehicle"]
    assert table["subcategory"].tolist() == ["cat", "cat", "car", "car"]
    assert table["hits"].tolist() == [60, 70, 10, 10]
    assert table["false_alarms"].tolist() == [5, 0, 9, 9]
    assert table["responses"].tolist() == [80, 100, 90, 90]
    assert table["score"].tolist() == [0.6875, 0.7, 1 / 90, 1 / 90]
    assert table["score_uncorrected"].tolist() == [0.75, 0.7, 10 / 90, 10 / 90]
    assert table["false_alarm_rate"].tolist() == [5 / 80, 0, 9 / 90, 9 / 90]
    z_hits, z_false_alarms = stats.norm.ppf(60.5 / 81), stats.norm.ppf(5.5 / 81)
    assert table["d_prime"].iloc[0] == pytest.approx(z_hits - z_false_alarms)
    assert table["criterion"].iloc[0] == pytest.approx(-(z_hits + z_false_alarms) / 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_byte_order_mark_and_windows_line_ends_are_no_part_of_a_name(
    tmp_path: Path, encoding: str, line_end: str
) -> None:
    text = line_end.join(["file,score,kind", "a.jpg,0.5,cat", "b.jpg,0.25,cat", ""])
    path = write(tmp_path / "scores.csv", text, encoding)
    table = read_scores(path, {**PLAIN, "category": "kind"})
    assert table["file"].tolist() == ["a.jpg", "b.jpg"]
    assert table["score"].tolist() == [0.5, 0.25]
    assert table["category"].tolist() == ["cat", "cat"]


def test_optional_columns_may_be_absent(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", "file,score\na.jpg,0\nb.jpg,1\n")
    table = read_scores(path, PLAIN)
    assert table["category"].tolist() == ["all", "all"]
    assert table["subcategory"].tolist() == ["", ""]
    for name in ("hits", "false_alarms", "responses"):
        assert table[name].dtype == "Int64"
        assert table[name].isna().all()
    assert table["score"].tolist() == [0.0, 1.0]
    assert table["score"].dtype == table["score_uncorrected"].dtype == np.float64
    assert table["score_uncorrected"].isna().all()
    assert table[["false_alarm_rate", "d_prime", "criterion"]].isna().all(axis=None)


def test_uncorrected_score_is_unknown_without_the_number_of_responses(tmp_path: Path) -> None:
    path = save(full(), tmp_path / "scores.csv")
    table = read_scores(path, {key: COLUMNS[key] for key in ("file", "score", "hits")})
    assert table["hits"].tolist() == [60, 70, 10, 10]
    assert table["score_uncorrected"].isna().all()
    assert table[["false_alarm_rate", "d_prime", "criterion"]].isna().all(axis=None)


def test_names_keep_accents_spaces_and_leave_windows_separators(tmp_path: Path) -> None:
    text = "file,score\nTiere/Bär schläft.jpg,0.5\nTiere\\猫.jpg,0.6\n  été.v2.jpeg ,0.7\n"
    table = read_scores(write(tmp_path / "scores.csv", text), PLAIN)
    assert table["file"].tolist() == ["Tiere/Bär schläft.jpg", "Tiere/猫.jpg", "été.v2.jpeg"]
    assert table["image_id"].tolist() == ["Tiere/Bär schläft", "Tiere/猫", "été.v2"]


def test_labels_and_names_made_of_digits_keep_their_zeros(tmp_path: Path) -> None:
    text = "file,score,kind\n0010,0.5,01\n0011,0.6,01\n"
    path = write(tmp_path / "scores.csv", text)
    table = read_scores(path, {**PLAIN, "category": "kind"})
    assert table["file"].tolist() == ["0010", "0011"]
    assert table["category"].tolist() == ["01", "01"]


def test_a_category_may_be_called_like_a_missing_value(tmp_path: Path) -> None:
    text = "file,score,kind\na.jpg,0.5,None\nb.jpg,0.6,None\nc.jpg,0.6,NA\nd.jpg,0.6,NA\n"
    path = write(tmp_path / "scores.csv", text)
    table = read_scores(path, {**PLAIN, "category": "kind"})
    assert table["category"].tolist() == ["None", "None", "NA", "NA"]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_scores_are_read_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, scores: list[float]
) -> None:
    lines = [f"{index}.jpg,{score!r}" for index, score in enumerate(scores)]
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    write(path, "\n".join(["file,score", *lines]))
    assert read_scores(path, PLAIN)["score"].tolist() == scores


def test_a_parquet_table_that_was_filtered_and_shuffled_keeps_its_rows_together(
    tmp_path: Path,
) -> None:
    # pandas stores the labels of the remaining rows in the file and gives them back.
    chosen = full().set_axis([5, 3, 0, 2]).iloc[[3, 1, 0, 2]]
    table = read_scores(save(chosen, tmp_path / "scores.parquet"), COLUMNS)
    assert table.index.tolist() == [1, 2, 3, 4]
    assert table["file"].tolist() == ["car/d.png", "cat/a.jpg", "cat/b.jpg", "car/c.PNG"]
    assert table["category"].tolist() == ["vehicle", "animal", "animal", "vehicle"]
    assert table["hits"].tolist() == [10, 70, 60, 10]
    assert table["score"].tolist() == [1 / 90, 0.7, 0.6875, 1 / 90]


def test_row_numbers_in_messages_count_rows_of_the_file_not_labels_of_an_index(
    tmp_path: Path,
) -> None:
    table = pd.DataFrame({"file": ["a.jpg", "b.jpg"], "score": [0.5, 7.0]}, index=[40, 12])
    assert "row 2: 7.0" in refusal(save(table, tmp_path / "scores.parquet"))


def test_row_names_that_r_writes_in_front_are_left_out(tmp_path: Path) -> None:
    text = 'file,score\n"1",a.jpg,0.5\n"2",b.jpg,0.25\n'
    table = read_scores(write(tmp_path / "scores.csv", text), PLAIN)
    assert table["file"].tolist() == ["a.jpg", "b.jpg"]
    assert table["score"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_are_composed_however_they_were_written(tmp_path: Path, form: str) -> None:
    text = unicodedata.normalize(form, "file,score\nété.jpg,0.5\nä/b.jpg,0.6\n")
    table = read_scores(write(tmp_path / "scores.csv", text), PLAIN)
    assert table["file"].tolist() == ["été.jpg", "ä/b.jpg"]
    assert table["image_id"].tolist() == ["été", "ä/b"]


def test_a_table_may_bring_image_ids_of_its_own(tmp_path: Path) -> None:
    text = "id,file,score\n007,cat/1.jpg,0.5\n008,cat/2.jpg,0.6\n"
    path = write(tmp_path / "scores.csv", text)
    table = read_scores(path, {**PLAIN, "image_id": "id"})
    assert table["image_id"].tolist() == ["007", "008"]
    assert table["file"].tolist() == ["cat/1.jpg", "cat/2.jpg"]
    text = "id,file,score\n007,cat/1.jpg,0.5\n007,cat/2.jpg,0.6\n"
    message = refusal(write(path, text), {**PLAIN, "image_id": "id"})
    assert "'007' more than once: line 2 (cat/1.jpg) and line 3 (cat/2.jpg)" in message


def test_hits_and_false_alarms_together_may_exceed_the_responses(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", "file,score,h,fa,n\na.jpg,0,8,8,8\nb.jpg,0.5,6,2,8\n")
    columns = {**PLAIN, "hits": "h", "false_alarms": "fa", "responses": "n"}
    assert read_scores(path, columns)["false_alarms"].tolist() == [8, 2]


# What is refused


def test_a_missing_column_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", "file_name,memorabilty\na.jpg,0.5\n")
    message = refusal(path, {"file": "file_name", "score": "memorability"})
    assert "no column 'memorability'" in message
    assert "did you mean 'memorabilty'?" in message
    assert "dataset.columns" in message


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    assert "has no rows" in refusal(write(tmp_path / "scores.csv", "file,score\n"))


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("high", "not a number"),
        ("0,5", "decimal comma"),
        (",5", "decimal comma"),
        ("70", "outside −1 to 1"),
        ("-1.01", "outside −1 to 1"),
        ("1.0000001", "outside −1 to 1"),
        ("inf", "outside −1 to 1"),
    ],
)
def test_an_impossible_score_is_refused_with_its_row(tmp_path: Path, value: str, what: str) -> None:
    rows = ["a.jpg\t0.5", "b.jpg\t0.6", f"c.jpg\t{value}", "d.jpg\t1"]
    message = refusal(write(tmp_path / "scores.tsv", "\n".join(["file\tscore", *rows])))
    assert "column 'score'" in message
    assert what in message
    assert "line 4" in message
    assert value in message
    assert not any(f"line {line}" in message for line in (2, 3, 5))


def test_decimal_commas_are_called_so(tmp_path: Path) -> None:
    text = 'file,score\na.jpg,"0,5"\nb.jpg,"0,25"\n'
    message = refusal(write(tmp_path / "scores.csv", text))
    assert "decimal comma" in message
    assert "line 2: '0,5', line 3: '0,25'" in message
    assert "Expected a decimal point" in message


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("scores.csv", "file;score\na.jpg;0.5\nb.jpg;0.6\n", "by a semicolon, but a .csv"),
        ("scores.csv", "file;score\na.jpg;1\nb.jpg;0,6\nc.jpg;0,6\n", "by a semicolon"),
        ("scores.csv", "\ufefffile\tscore\r\na.jpg\t0.5\r\n", "by a tab, but a .csv"),
        ("scores.tsv", "file,score\na.jpg,0.5\nb.jpg,0.6\n", "by a comma, but a .tsv"),
        ("scores.tsv", "file;score\na.jpg;0,5\nb.jpg;0,6\n", "by a semicolon, but a .tsv"),
    ],
)
def test_other_separators_are_called_by_their_names(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    message = refusal(write(tmp_path / name, text))
    assert words in message
    assert "Save it again that way, with decimal points" in message


def test_one_name_in_two_unicode_forms_is_one_image(tmp_path: Path) -> None:
    other = unicodedata.normalize("NFD", "été.jpg")
    text = f"file,score\nété.jpg,0.5\n{other},0.6\n"
    assert "'été' more than once" in refusal(write(tmp_path / "scores.csv", text))


def test_three_bad_rows_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    rows = [f"{index}.jpg,{'x' if index in (1, 3, 4, 6, 7) else 0.5}" for index in range(1, 9)]
    message = refusal(write(tmp_path / "scores.csv", "\n".join(["file,score", *rows])))
    assert "line 2: 'x', line 4: 'x', line 5: 'x' and 2 more" in message


@pytest.mark.parametrize("name", ["", "   "])
def test_an_empty_file_name_is_refused_with_its_row(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "scores.csv", f"file,score\na.jpg,0.5\n{name},0.6\n")
    message = refusal(path)
    assert "empty file name" in message
    assert "line 3" in message


def test_a_missing_file_name_in_parquet_is_refused_with_its_row(tmp_path: Path) -> None:
    table = pd.DataFrame({"file": ["a.jpg", None, "c.jpg"], "score": [0.5, 0.6, 0.7]})
    message = refusal(save(table, tmp_path / "scores.parquet"))
    assert "empty file name" in message
    assert "row 2" in message


@pytest.mark.parametrize(
    "name",
    ["../a.jpg", "cat/../../a.jpg", "..\\a.jpg", "cat/..", "..", "/data/a.jpg", "C:\\data\\a.jpg"],
)
def test_a_file_outside_the_image_directory_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "scores.csv", f"file,score\nb.jpg,0.5\n{name},0.6\n")
    message = refusal(path)
    assert "outside the image directory" in message
    assert "line 3" in message
    assert "dataset.images" in message


def test_two_dots_inside_a_name_are_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", "file,score\na..b.jpg,0.5\n..c/d...jpg,0.6\n")
    assert read_scores(path, PLAIN)["file"].tolist() == ["a..b.jpg", "..c/d...jpg"]


def test_a_name_that_starts_with_the_present_directory_is_the_same_image(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", "file,score\n./cat/a.jpg,0.5\ncat//b.jpg,0.6\n")
    table = read_scores(path, PLAIN)
    assert table["file"].tolist() == ["cat/a.jpg", "cat/b.jpg"]
    assert table["image_id"].tolist() == ["cat/a", "cat/b"]


@pytest.mark.parametrize("label", ["", "  "])
@pytest.mark.parametrize("column", ["category", "subcategory"])
def test_a_blank_label_is_refused_with_its_row(tmp_path: Path, column: str, label: str) -> None:
    text = f"file,score,kind\na.jpg,0.5,cat\nb.jpg,0.5,cat\nc.jpg,0.6,{label}\n"
    message = refusal(write(tmp_path / "scores.csv", text), {**PLAIN, column: "kind"})
    assert "column 'kind'" in message
    assert "empty label" in message
    assert "line 4" in message


@pytest.mark.parametrize("value", ["-1", "2.5", "many", "inf"])
@pytest.mark.parametrize("column", ["hits", "false_alarms", "responses"])
def test_what_is_no_count_is_refused_with_its_row(tmp_path: Path, column: str, value: str) -> None:
    text = f"file,score,number\na.jpg,0.5,3\nb.jpg,0.6,{value}\n"
    message = refusal(write(tmp_path / "scores.csv", text), {**PLAIN, column: "number"})
    assert "column 'number'" in message
    assert "not a count" in message
    assert "line 3" in message


@pytest.mark.parametrize(("hits", "responses"), [(9, 8), (1, 0)])
def test_more_hits_than_responses_are_refused_with_their_row(
    tmp_path: Path, hits: int, responses: int
) -> None:
    text = f"file,score,h,n\na.jpg,0.5,4,8\nb.jpg,0.6,{hits},{responses}\n"
    path = write(tmp_path / "scores.csv", text)
    assert "line 3" in refusal(path, {**PLAIN, "hits": "h", "responses": "n"})


def test_an_image_nobody_responded_to_is_refused_with_its_row(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", "file,score,h,n\na.jpg,0.5,4,8\nb.jpg,0.6,0,0\n")
    message = refusal(path, {**PLAIN, "hits": "h", "responses": "n"})
    assert "no responses (line 3: 0)" in message


def test_more_false_alarms_than_responses_are_refused_with_their_row(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", "file,score,fa,n\na.jpg,0.5,4,8\nb.jpg,0.6,9,8\n")
    message = refusal(path, {**PLAIN, "false_alarms": "fa", "responses": "n"})
    assert "more false alarms than responses (line 3: 9)" in message


@pytest.mark.parametrize("second", ["cat/a.jpg", "cat/a.png", "cat\\a.JPG"])
def test_an_image_listed_twice_is_refused_with_both_rows(tmp_path: Path, second: str) -> None:
    text = f"file,score\ncat/a.jpg,0.5\ncat/b.jpg,0.6\n{second},0.7\n"
    message = refusal(write(tmp_path / "scores.csv", text))
    assert "'cat/a' more than once" in message
    assert "line 2 (cat/a.jpg)" in message
    assert f"line 4 ({second.replace(chr(92), '/')})" in message


def test_the_same_name_in_two_directories_is_two_images(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", "file,score\ncat/1.jpg,0.5\ndog/1.jpg,0.6\n")
    assert read_scores(path, PLAIN)["image_id"].tolist() == ["cat/1", "dog/1"]


def test_a_category_seen_once_is_refused_with_the_likely_one(tmp_path: Path) -> None:
    kinds = ["animal", "vehicles", "animal", "vehicle", "vehicles"]
    rows = [f"{index}.jpg,0.5,{kind}" for index, kind in enumerate(kinds)]
    path = write(tmp_path / "scores.csv", "\n".join(["file,score,kind", *rows]))
    message = refusal(path, {**PLAIN, "category": "kind"})
    assert "line 5" in message
    assert "'vehicle' is seen once" in message
    assert "did you mean 'vehicles'?" in message


def test_a_directory_instead_of_a_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.mkdir()
    assert "cannot be read" in refusal(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("scores.csv", "file,score\nBär.jpg,0.5\n".encode("latin-1")),
        ("scores.csv", b'file,score\na.jpg,0.5\n"b.jpg,0.5\n'),
        ("scores.parquet", b"file,score\na.jpg,0.5\n"),
    ],
)
def test_a_table_that_cannot_be_decoded_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    message = refusal(path)
    assert "cannot be read" in message
    assert "UTF-8" in message


def test_a_table_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "none.csv")


# Ratings, percentages, corrected scores below 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_every_difference_of_two_shares_is_a_score(
    tmp_path_factory: pytest.TempPathFactory, scores: list[float]
) -> None:
    lines = [f"{index}.jpg,{score!r}" for index, score in enumerate(scores)]
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    write(path, "\n".join(["file,score", *lines]))
    assert read_scores(path, PLAIN)["score"].tolist() == scores


@settings(max_examples=20, deadline=None)
@given(
    scale=st.sampled_from([(1, 5), (1, 7), (1, 9), (0, 10), (1, 10)]),
    data=st.data(),
)
def test_ratings_are_called_so_and_no_percentages(
    tmp_path_factory: pytest.TempPathFactory, scale: tuple[int, int], data: st.DataObject
) -> None:
    ratings = data.draw(st.lists(st.floats(*scale), min_size=2, max_size=20))
    ratings += [scale[1]] * (len(ratings) + 1)
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    rows = [f"{index}.jpg,{rating!r}" for index, rating in enumerate(ratings)]
    message = refusal(write(path, "\n".join(["file,score", *rows])))
    assert "A score is a share of responses" in message
    assert "look like ratings" in message
    assert "(rating − 1) / 6 on a scale of 1–7" in message
    assert "percentages" not in message


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(10.5, 100), min_size=2, max_size=20))
def test_percentages_are_called_so(
    tmp_path_factory: pytest.TempPathFactory, percentages: list[float]
) -> None:
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    rows = [f"{index}.jpg,{value!r}" for index, value in enumerate(percentages)]
    message = refusal(write(path, "\n".join(["file,score", *rows])))
    assert "Divide percentages by 100" in message
    assert "ratings" not in message


@pytest.mark.parametrize("value", ["-1.5", "1.2", "3", "1000", "-4e7"])
def test_of_a_slip_nothing_is_said_but_what_a_score_is(tmp_path: Path, value: str) -> None:
    rows = ["a.jpg,0.5", f"b.jpg,{value}", "c.jpg,-0.25"]
    message = refusal(write(tmp_path / "scores.csv", "\n".join(["file,score", *rows])))
    assert "score outside −1 to 1 (line 3" in message
    assert "from −1 to 1" in message
    assert "100 " not in message
    assert "ratings" not in message


# Rows without a score


@pytest.mark.parametrize("nothing", ["", "NA", "n/a", "NaN", "null", "None", "-", "#N/A"])
@pytest.mark.parametrize("column", ["score", "h"])
def test_a_row_that_holds_nothing_is_marked_by_its_column(
    tmp_path: Path, nothing: str, column: str
) -> None:
    cells = {"score": "0.5", "h": "4", "fa": "0", "n": "8"}
    rows = [
        ",".join(["a.jpg", *cells.values()]),
        ",".join(["b.jpg", *(cells | {column: nothing}).values()]),
    ]
    path = write(tmp_path / "scores.csv", "\n".join(["file,score,h,fa,n", *rows]))
    columns = {**PLAIN, "hits": "h", "false_alarms": "fa", "responses": "n"}
    table = read_scores(path, columns)
    assert table["missing"].tolist() == ["", "hits" if column == "h" else "score"]
    assert table["d_prime"].notna().tolist() == [True, False]


# Counts against scores


def counted(directory: Path, rows: list[tuple[int, int, int]], scores: list[str]) -> Path:
    lines = [
        f"{k}.jpg,{score},{hits},{false_alarms},{responses}"
        for k, ((hits, false_alarms, responses), score) in enumerate(zip(rows, scores, strict=True))
    ]
    return write(directory / "scores.csv", "\n".join(["file,score,h,fa,n", *lines]))


COUNTED = {**PLAIN, "hits": "h", "false_alarms": "fa", "responses": "n"}


@st.composite
def games(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Counts of images that tell hits, false alarms and responses apart."""
    return draw(
        st.lists(
            st.tuples(st.integers(20, 39), st.integers(1, 10), st.integers(41, 80)),
            min_size=5, max_size=20,
        )
    )  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(rows=games(), decimals=st.integers(2, 15), corrected=st.booleans())
def test_scores_that_are_rounded_agree_with_their_counts(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, int, int]],
    decimals: int,
    corrected: bool,
) -> None:
    scores = [f"{(h - fa * corrected) / n:.{decimals}f}" for h, fa, n in rows]
    path = counted(tmp_path_factory.mktemp("scores"), rows, scores)
    assert read_scores(path, COUNTED)["hits"].tolist() == [h for h, _, _ in rows]


@settings(max_examples=20, deadline=None)
@given(rows=games())
@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"hits": "fa", "false_alarms": "h"}, "hits and false alarms seem to be exchanged"),
        ({"hits": "n", "responses": "h"}, "hits and responses seem to be exchanged"),
        (
            {"false_alarms": "n", "responses": "fa"},
            "false alarms and responses seem to be exchanged",
        ),
    ],
)
def test_exchanged_columns_are_refused_with_the_likely_cause(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, int, int]],
    names: dict[str, str],
    words: str,
) -> None:
    scores = [repr((h - fa) / n) for h, fa, n in rows]
    path = counted(tmp_path_factory.mktemp("scores"), rows, scores)
    assert words in refusal(path, COUNTED | names)


@settings(max_examples=20, deadline=None)
@given(rows=games(), denominator=st.sampled_from(["constant", "other"]))
def test_another_denominator_is_refused_with_an_example(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, int]], denominator: str
) -> None:
    by = [100 if denominator == "constant" else h + fa for h, fa, _ in rows]
    scores = [repr((h - fa) / n) for (h, fa, _), n in zip(rows, by, strict=True)]
    # A row may have as many responses as the other denominator: it contradicts nothing.
    unlike = [one != n for one, (_, _, n) in zip(by, rows, strict=True)]
    assume(unlike.count(False) <= 1)
    message = refusal(counted(tmp_path_factory.mktemp("scores"), rows, scores), COUNTED)
    words = "100 in all rows" if denominator == "constant" else "hits + false alarms"
    assert f"divided by {words}, not by the responses" in message
    row = unlike.index(True)
    h, fa, n = rows[row]
    place = f"For example line {row + 2} ({row}.jpg)"
    assert f"{place}: {h} hits, {fa} false alarms and {n} responses" in message
    assert f"has {scores[row]}" in message


def test_one_row_that_contradicts_its_counts_is_named(tmp_path: Path) -> None:
    rows = [(20, 4, 40), (30, 2, 40), (10, 1, 40)]
    message = refusal(counted(tmp_path, rows, ["0.4", "0.5", "0.225"]), COUNTED)
    assert "in 1 of 3 rows. For example line 3 (1.jpg)" in message
    assert (
        "give 0.7 by (hits − false alarms) / responses, but the column 'score' has 0.5" in message
    )
    assert "take hits, false_alarms and responses out of dataset.columns" in message


def test_a_corrected_score_may_be_cut_at_0(tmp_path: Path) -> None:
    rows = [(20, 4, 40), (2, 5, 40)]
    for below in ("0", "-0.075"):
        assert len(read_scores(counted(tmp_path, rows, ["0.4", below]), COUNTED)) == 2


# Single trials given as scores


@settings(max_examples=20, deadline=None)
@given(images=st.integers(2, 6), each=st.integers(2, 6), words=st.sampled_from(["01", "FT"]))
def test_a_table_of_single_trials_is_recognised(
    tmp_path_factory: pytest.TempPathFactory, images: int, each: int, words: str
) -> None:
    said = {"0": ["0", "1"], "F": ["FALSE", "TRUE"]}[words[0]]
    rows = [f"{k % images}.jpg,{said[k % 2]},0.5" for k in range(images * each)]
    rows += [f"0.jpg,{word},0.5" for word in said]
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    write(path, "\n".join(["file,key,score", *rows]))
    message = refusal(path)
    assert f"seems to hold single trials: {len(rows)} rows of {images} images" in message
    assert "column 'key'" in message
    assert "dataset.trials" in message


# Labels


@pytest.mark.parametrize("column", ["category", "subcategory"])
def test_spellings_of_one_label_are_one_label(tmp_path: Path, column: str) -> None:
    kinds = [
        "café noir",
        unicodedata.normalize("NFD", "café noir"),
        "café\u00a0noir",
        " café  noir ",
    ]
    rows = [f"{k}.jpg,0.5,{kind}" for k, kind in enumerate(kinds)]
    path = write(tmp_path / "scores.csv", "\n".join(["file,score,kind", *rows]))
    assert set(read_scores(path, {**PLAIN, column: "kind"})[column]) == {"café noir"}


@pytest.mark.parametrize("other", ["Animal", "ani mal", "ANIMAL", "ａnimal"])
def test_labels_that_look_alike_are_asked_about(tmp_path: Path, other: str) -> None:
    rows = [f"{k}.jpg,0.5,{kind}" for k, kind in enumerate(["animal", "animal", other, other])]
    path = write(tmp_path / "scores.csv", "\n".join(["file,score,kind", *rows]))
    message = refusal(path, {**PLAIN, "category": "kind"})
    assert "'animal' (2 rows, the first in line 2)" in message
    assert f"{other!r} (2 rows, the first in line 4)" in message


def test_subcategories_of_two_categories_may_look_alike(tmp_path: Path) -> None:
    rows = ["a.jpg,0.5,x,Other", "b.jpg,0.5,x,Other", "c.jpg,0.5,y,other", "d.jpg,0.5,y,other"]
    path = write(tmp_path / "scores.csv", "\n".join(["file,score,kind,sort", *rows]))
    columns = {**PLAIN, "category": "kind", "subcategory": "sort"}
    assert read_scores(path, columns)["subcategory"].tolist() == ["Other"] * 2 + ["other"] * 2
