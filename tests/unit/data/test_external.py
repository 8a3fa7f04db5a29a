"""Errors and latents made elsewhere: joined, counted, or refused with what keeps them apart."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as arrow
import pytest
from pyarrow import parquet

from memorability.base.errors import InputError
from memorability.data.external import Source, join_errors, join_latents
from memorability.tables import store

NAMES = ["animal/cat1.jpg", "animal/cat2.jpg", "food/cake.jpg", "food/pie.JPG", "food/tea.jpg"]
IMAGES = pd.DataFrame({"image_id": [name[:-4] for name in NAMES], "file": NAMES})
ERRORS = [0.1, 0.2, 0.3, 0.4, 0.5]
SOURCE = Source(
    file="e.csv",
    columns={"file": "image", "error": "Loss"},
    loss="lpips_vgg",
    claim="table_1.lpips_vgg",
)
BY_ID = replace(SOURCE, columns={"image_id": "image", "error": "Loss"})
LATENTS = Source(file="l.parquet", columns={"image_id": "id", "latent": "z"})


def joined(
    directory: Path,
    names: list[Any],
    errors: list[Any],
    source: Source = SOURCE,
    suffix: str = "csv",
    name: str = "theirs",
) -> tuple[pd.DataFrame, pd.Series]:
    path = directory / f"e.{suffix}"
    table = pd.DataFrame({"image": names, "Loss": errors})
    if suffix == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    found, counts = join_errors(path, source, IMAGES, name=name)
    store.write(found, directory / "errors.parquet", "errors")
    store.write(counts, directory / "external.parquet", "external")
    return found, counts.iloc[0]


def refused(directory: Path, *table: Any, **how: Any) -> str:
    with pytest.raises(InputError) as error:
        joined(directory, *table, **how)
    return str(error.value)


# What joins


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_errors_join_by_path_and_keep_every_digit(tmp_path: Path, suffix: str) -> None:
    errors = [value / 3 for value in ERRORS]
    found, counts = joined(tmp_path, NAMES[::-1], errors[::-1], suffix=suffix)
    by_id = found.set_index("image_id")["error"]
    assert by_id.to_dict() == dict(zip(IMAGES["image_id"], errors, strict=True))
    facts = found[["metric", "backbone", "trained_by", "published", "sign"]].drop_duplicates()
    assert facts.to_numpy().tolist() == [["lpips_vgg", "", "", "", ""]]
    assert set(found["epoch"]) == {1}
    assert counts.to_dict() == {
        "kind": "errors", "name": "theirs", "file": "e.csv", "claim": "table_1.lpips_vgg",
        "joined_by": "file", "rows": 5, "joined": 5, "rows_without_image": 0,
        "images_without_row": 0, "unmatched": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [
        ["cat1.jpg", "cat2.jpg", "cake.jpg", "pie.JPG", "tea.jpg"],
        ["cat1.JPEG", "cat2.jpeg", "cake.jpg", "pie.jpg", "tea.JPG"],
        ["animal\\cat1.jpg", "animal\\cat2.jpg", *NAMES[2:]],
    ],
)
def test_bare_names_and_spellings_of_an_extension_join(tmp_path: Path, names: list[str]) -> None:
    found, _ = joined(tmp_path, names, ERRORS)
    assert list(found.sort_values("error")["image_id"]) == list(IMAGES["image_id"])


def test_errors_join_by_image_id_that_looks_like_a_number(tmp_path: Path) -> None:
    ids = ["0003", "0007"]
    images = pd.DataFrame({"image_id": ids, "file": [f"{name}.jpg" for name in ids]})
    pd.DataFrame({"image": ids, "Loss": [1.0, 2.0]}).to_csv(tmp_path / "e.csv", index=False)
    found, counts = join_errors(tmp_path / "e.csv", BY_ID, images, name="theirs")
    assert list(found["image_id"]) == ids
    assert counts["joined_by"].item() == "image_id"


def test_more_and_fewer_rows_than_images_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found, counts = joined(tmp_path, ["cake.jpg", "unknown.jpg", "tea.jpg"], [1, 2, 3])
    assert list(found["image_id"]) == ["food/cake", "food/tea"]
    assert list(found["error"]) == [1.0, 3.0]
    assert (counts["rows"], counts["joined"]) == (3, 2)
    assert (counts["rows_without_image"], counts["images_without_row"]) == (1, 3)
    assert counts["unmatched"] == "unknown.jpg"
    assert "1 of 3 rows belong to no image (unknown.jpg), 3 of 5 images have no row" in caplog.text


def test_a_source_that_is_called_by_its_loss_needs_no_other_name(tmp_path: Path) -> None:
    found, _ = joined(tmp_path, NAMES, ERRORS, name="lpips_vgg")
    assert set(found["metric"]) == {"lpips_vgg"}


# What does not


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("inf", "line 3: 'inf'"),
        ("nan", "line 3: 'nan'"),
        ("", "line 3: ''"),
        ("0,4", "line 3: '0,4'"),
        ("high", "line 3: 'high'"),
    ],
)
def test_an_error_that_is_no_finite_number_is_named_with_its_row(
    tmp_path: Path, value: str, words: str
) -> None:
    message = refused(tmp_path, NAMES, ["0.1", value, "0.3", "0.4", "0.5"])
    assert "column 'Loss': 1 of 5 errors are no finite numbers" in message
    assert words in message
    assert "take them out" in message


def test_missing_errors_of_a_parquet_table_are_named_too(tmp_path: Path) -> None:
    message = refused(tmp_path, NAMES, [0.1, None, 0.3, np.inf, 0.5], suffix="parquet")
    assert "2 of 5 errors" in message
    assert "row 2: nan, row 4: inf" in message


@pytest.mark.parametrize("second", ["animal/cat1.jpg", "cat1.jpg", "animal/cat1.jpeg"])
def test_two_rows_of_one_image_are_refused_however_they_are_spelled(
    tmp_path: Path, second: str
) -> None:
    message = refused(tmp_path, ["animal/cat1.jpg", "tea.jpg", second], [1, 2, 3])
    assert "2 rows share an image" in message
    assert f"line 2: 'animal/cat1.jpg', line 4: {second!r}" in message


def test_a_bare_name_that_fits_several_images_is_refused(tmp_path: Path) -> None:
    images = pd.DataFrame({"image_id": ["a/x", "b/x"], "file": ["a/x.jpg", "b/x.jpg"]})
    pd.DataFrame({"image": ["x.jpg"], "Loss": [1.0]}).to_csv(tmp_path / "e.csv", index=False)
    with pytest.raises(InputError, match=r"line 2 could be any of the images a/x, b/x"):
        join_errors(tmp_path / "e.csv", SOURCE, images, name="theirs")


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        ([f"/data/{name}" for name in NAMES], "Both without directories, 5 of them would."),
        ([name.upper() for name in NAMES], "Both in lower case, 5 of them would."),
        (
            [f"d/{name.upper()}" for name in NAMES],
            "Both without directories and in lower case, 5 of them would.",
        ),
        (["cat1", "tea"], "Both without directories and extensions, 2 of them would."),
        (["other.jpg"], "is 'animal/cat1.jpg'. Correct the column's names"),
    ],
)
def test_where_nothing_joins_the_error_says_what_keeps_them_apart(
    tmp_path: Path, names: list[str], hint: str
) -> None:
    message = refused(tmp_path, names, ERRORS[: len(names)])
    assert f"none of {len(names)} rows belongs to one of the 5 images" in message
    assert f"the table has {names[0]!r}, the study's file is 'animal/cat1.jpg'" in message
    assert hint in message


def test_file_names_in_place_of_ids_are_recognised(tmp_path: Path) -> None:
    message = refused(tmp_path, NAMES, ERRORS, source=BY_ID)
    assert "the study's image_id is 'animal/cat1'" in message
    assert "Both without directories and extensions, 5 of them would." in message


def test_an_empty_table_and_a_missing_column_are_refused(tmp_path: Path) -> None:
    assert "has no rows" in refused(tmp_path, [], [])
    wrong = replace(SOURCE, columns={"file": "image", "error": "loss"})
    message = refused(tmp_path, NAMES, ERRORS, source=wrong)
    assert "has no column 'loss' (did you mean 'Loss'?)" in message


# Latents


def latents_file(
    path: Path, ids: list[Any], lists: Any, kind: arrow.DataType | None = None
) -> Path:
    parquet.write_table(arrow.table({"id": ids, "z": arrow.array(lists, kind)}), path)
    return path


@pytest.mark.parametrize(
    "kind",
    [
        arrow.list_(arrow.float64()),
        arrow.list_(arrow.float32(), 3),
        arrow.large_list(arrow.float16()),
        arrow.list_(arrow.int32()),
    ],
    ids=str,
)
def test_latents_join_whatever_their_type_and_order(tmp_path: Path, kind: arrow.DataType) -> None:
    rng = np.random.default_rng(0)
    many = 600  # more than one batch
    ids = [f"i{number:03d}" for number in range(many)]
    images = pd.DataFrame({"image_id": ids, "file": [f"{name}.jpg" for name in ids]})
    values = rng.integers(-9, 9, (many, 3))
    if arrow.types.is_large_list(kind):
        values = values.astype(np.float16)
    order = [*rng.permutation(many).tolist(), many]
    names = [*ids, "unknown"]
    path = latents_file(
        tmp_path / "l.parquet",
        [names[place] for place in order],
        [list([*values, values[0]][place]) for place in order],
        kind,
    )
    found, latents, counts = join_latents(path, LATENTS, images, name="theirs")
    assert found == ids
    assert latents.dtype == np.float32
    np.testing.assert_array_equal(latents, values.astype(np.float32))
    assert counts[["kind", "rows", "joined", "rows_without_image", "claim"]].iloc[0].to_list() == [
        "latents", 601, 600, 1, "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lists", "kind", "message"),
    [
        ([[1.0, 2.0], [3.0]], None, "the latent in row 2 has 1 numbers, the first one has 2"),
        ([[1.0, 2.0], None], None, "the latent in row 2 has no numbers, the first one has 2"),
        ([[], []], arrow.list_(arrow.float32()), "the latent in row 1 has 0 numbers"),
        ([[1.0], [np.nan]], None, "the latent in row 2 holds a number that is not finite"),
        ([[1.0], [np.inf]], None, "the latent in row 2 holds a number that is not finite"),
        ([[1.0], [1e300]], None, "the latent in row 2 holds a number that is not finite"),
        ([1.0, 2.0], None, "column 'z' holds double, but a latent is a list of numbers"),
        ([["a"], ["b"]], None, "but a latent is a list of numbers"),
    ],
)
def test_what_is_no_latent_is_named_with_its_row(
    tmp_path: Path, lists: list[Any], kind: arrow.DataType | None, message: str
) -> None:
    path = latents_file(tmp_path / "l.parquet", ["animal/cat1", "food/tea"], lists, kind)
    with pytest.raises(InputError, match=message):
        join_latents(path, LATENTS, IMAGES, name="theirs")


def test_latents_are_held_to_the_same_rules_of_joining(tmp_path: Path) -> None:
    path = latents_file(tmp_path / "l.parquet", ["food/tea", "food/tea"], [[1.0], [2.0]])
    with pytest.raises(InputError, match="2 rows share an image"):
        join_latents(path, LATENTS, IMAGES, name="theirs")
    path = latents_file(tmp_path / "l.parquet", ["tea", "pie"], [[1.0], [2.0]])
    with pytest.raises(InputError, match="Both without directories, 2 of them would"):
        join_latents(path, LATENTS, IMAGES, name="theirs")
    wrong = replace(LATENTS, columns={"image_id": "ids", "latent": "z"})
    with pytest.raises(InputError, match=r"no column 'ids' \(did you mean 'id'"):
        join_latents(path, wrong, IMAGES, name="theirs")
    path.write_text("no parquet")
    with pytest.raises(InputError, match="cannot be read as a parquet table"):
        join_latents(path, LATENTS, IMAGES, name="theirs")
