"""MemCat's archive in the layouts in use, and its table, real where present."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.base.errors import InputError
from memorability.data.published.memcat import images_root, read_table, unpack
from memorability.data.scores import read_scores
from memorability.images.store import Preparation, prepare
from memorability.tables import store
from tests.standins import (
    memcat_files,
    memcat_rows,
    photograph,
    write_memcat_table,
    write_tar,
    write_zip,
)

REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "memcat_image_data.csv"
SUBSET = Path(__file__).parents[4] / "shared" / "data" / "memcat_subset"
ROWS = memcat_rows()
OUR_COLUMNS = {
    name: name
    for name in (
        *("image_id", "file", "category", "subcategory"),
        *("hits", "false_alarms", "responses", "score"),
    )
}


def run(
    directory: Path, files: dict[str, bytes], rows: pd.DataFrame = ROWS, write: Any = write_zip
) -> tuple[pd.DataFrame, pd.DataFrame]:
    archive = write(directory / "MemCat_download", files)
    table = write_memcat_table(directory / "memcat_image_data.csv", rows)
    return unpack(archive, table, directory / "images")


def refusal(directory: Path, files: dict[str, bytes], rows: pd.DataFrame = ROWS) -> str:
    """Return why MemCat is refused; nothing is left, and a rerun with the right files succeeds."""
    with pytest.raises(InputError) as caught:
        run(directory, files, rows)
    left = {path.name for path in directory.iterdir()}
    assert left <= {"MemCat_download", "memcat_image_data.csv"}
    scores, differences = run(directory, memcat_files(ROWS))
    assert len(scores) == len(ROWS)
    assert differences.empty
    return str(caught.value)


def unpacked(directory: Path) -> set[str]:
    images = directory / "images"
    return {path.relative_to(images).as_posix() for path in images.rglob("*") if path.is_file()}


# Layouts


@pytest.mark.parametrize("write", [write_zip, write_tar])
@pytest.mark.parametrize("layout", ["subcategories", "categories"])
def test_layouts_in_use_are_found_and_only_their_images_unpacked(
    tmp_path: Path, layout: str, write: Any
) -> None:
    files = memcat_files(ROWS, layout)
    junk = {
        "__MACOSX/MemCat_images/MemCat/animal/bear/._000000003481.jpg": b"fork",
        "MemCat_images/.DS_Store": b"junk",
        "MemCat_images/MemCat/README.txt": b"text",
        "MemCat_images/MemCat/overview.jpg": photograph(901),
    }
    scores, differences = run(tmp_path, files | junk, write=write)
    assert differences.empty
    assert unpacked(tmp_path) == set(scores["file"])
    assert len(scores) == len(ROWS)
    expected = {
        row.image_file: f"{row.category}/{row.subcategory}/{row.image_file}"
        if layout == "subcategories"
        else f"{row.category}/{row.image_file}"
        for row in ROWS.itertuples()
    }
    assert set(scores["file"]) == set(expected.values())
    path = next(path for path in files if path.endswith("/000000003481.jpg"))
    image = tmp_path / "images" / expected["000000003481.jpg"]
    assert image.read_bytes() == files[path]


@pytest.mark.parametrize("prefix", ["", "a/", "MemCat_images/MemCat/deeper/"])
def test_the_folder_of_the_categories_may_lie_anywhere(prefix: str) -> None:
    names = ("Animal", "FOOD", "landscape", "Sports", "vehicle")
    assert str(images_root([f"{prefix}{name}/x.jpg" for name in names])) == (prefix[:-1] or ".")


def test_fillers_sorted_like_the_images_are_no_second_root() -> None:
    names = ("animal", "food", "landscape", "sports", "vehicle")
    paths = [f"memcat/{name}/{name}.jpg" for name in names]
    assert str(images_root(paths + [f"memcat/fillers/{name}/f.jpg" for name in names])) == "memcat"


def test_a_subcategory_named_like_a_category_is_no_root() -> None:
    names = ("animal", "food", "landscape", "sports", "vehicle")
    assert str(images_root([f"m/{name}/vehicle/{name}.jpg" for name in names])) == "m"


def test_letter_case_of_folders_and_extensions_makes_no_difference(tmp_path: Path) -> None:
    files = {
        path.replace("/animal/", "/Animal/").replace(".jpg", extension): content
        for (path, content), extension in zip(
            memcat_files(ROWS).items(), [".JPG", ".jpeg", ".JPEG", ".jpg"] * 5, strict=True
        )
    }
    scores, differences = run(tmp_path, files)
    assert differences.empty
    assert unpacked(tmp_path) == set(scores["file"])
    assert "animal/bear/000000003481.JPG" in set(scores["file"])
    assert set(scores["image_id"]) == {Path(name).stem for name in ROWS["image_file"]}


def test_the_publishers_zip_that_holds_the_zip_is_opened(tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "inner", memcat_files(ROWS, "categories")).read_bytes()
    (tmp_path / "inner").unlink()
    outer = {"osfstorage/memcat.zip": inner, "__MACOSX/._memcat.zip": b"fork", "read.me": b"text"}
    scores, differences = run(tmp_path, outer)
    assert unpacked(tmp_path) == set(scores["file"])
    assert differences.empty
    assert {path.name for path in tmp_path.iterdir()} == {
        *("images", "MemCat_download", "memcat_image_data.csv")
    }


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "inner", memcat_files(ROWS)).read_bytes()
    (tmp_path / "inner").unlink()
    for left in (".images.outside", "..images.outside.partial", ".images.partial", "images"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "half.jpg").write_bytes(b"half")
    scores, _ = run(tmp_path, {"memcat.zip": inner})
    assert unpacked(tmp_path) == set(scores["file"])
    assert not list(tmp_path.glob(".*"))


def test_an_inner_archive_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "HTML" in refusal(tmp_path, {"memcat.zip": b"<html>quota</html>"})


def test_a_lacking_category_is_named(tmp_path: Path) -> None:
    files = {path: x for path, x in memcat_files(ROWS).items() if "/vehicle/" not in path}
    message = refusal(tmp_path, files)
    assert "MemCat_images/MemCat lacks vehicle" in message
    assert "MemCat_images/MemCat/animal/bear" in message
    assert str(tmp_path / "MemCat_download") in message


def test_another_archive_is_refused_with_its_folders(tmp_path: Path) -> None:
    message = refusal(tmp_path, {"holiday/2019/beach.jpg": photograph(1)})
    assert "not MemCat's" in message
    assert "holiday/2019" in message


def test_two_copies_of_the_images_are_refused_with_both_places(tmp_path: Path) -> None:
    files = memcat_files(ROWS)
    small = {path.replace("MemCat/", "small/"): content for path, content in files.items()}
    message = refusal(tmp_path, files | small)
    assert "below MemCat_images/MemCat, MemCat_images/small" in message


# Rows and images


def test_every_difference_between_table_and_archive_is_told(tmp_path: Path) -> None:
    files = memcat_files(ROWS)
    first, second, third = list(files)[:3]
    del files[first]
    files[second.replace("/bear/", "/cat/")] = files.pop(second)
    files["MemCat_images/MemCat/food/pizza/unknown.jpg"] = photograph(902)
    files[third.replace("/animal/cat/", "/food/pizza/")] = files.pop(third)
    scores, differences = run(tmp_path, files)
    told = differences.set_index("file")["difference"]
    names = [path.rsplit("/", 1)[-1] for path in (first, second, third)]
    assert told.to_dict() == {
        names[0]: "is in the score table, but no such file",
        f"animal/cat/{names[1]}": "is animal/bear by the score table",
        f"food/pizza/{names[2]}": "is animal/cat by the score table",
        "food/pizza/unknown.jpg": "is not in the score table",
    }
    by_id = scores.set_index("image_id")["file"]
    assert by_id[Path(names[0]).stem] == names[0]
    assert len(scores) == len(ROWS)
    store.write(differences, tmp_path / "differences.parquet", "differences")


def test_folders_without_the_labels_signs_are_no_difference(tmp_path: Path) -> None:
    files = {path.replace(" ", "_"): content for path, content in memcat_files(ROWS).items()}
    rows = ROWS.assign(subcategory=ROWS["subcategory"].replace("subway train", "subway (train)"))
    assert run(tmp_path, files, rows)[1].empty


def test_an_archive_of_other_images_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    files = memcat_files(ROWS)
    lost = list(files)[: len(files) // 2 + 1]
    other = {path.replace("/0000", "/other_"): files.pop(path) for path in lost}
    message = refusal(tmp_path, files | other)
    assert "11 of 20 rows of MemCat's table have no image of their own" in message
    assert ": 11 name no file that there is, for example " in message


def test_what_is_written_is_read_and_prepared_like_any_other_table(tmp_path: Path) -> None:
    scores, _ = run(tmp_path, memcat_files(ROWS))
    store.write(scores, tmp_path / "scores.parquet", "scores")
    rows = read_scores(tmp_path / "scores.parquet", OUR_COLUMNS)
    images, rejected = prepare(
        rows,
        tmp_path / "images",
        tmp_path / "pixels.npy",
        Preparation(resize="squash", minimum_side=161, on_bad_image="stop", seed=0),
    )
    assert rejected.empty
    store.write(images, tmp_path / "images.parquet", "images")
    # As published, and as the published split needs them: names without folders.
    assert images["image_id"].tolist() == sorted(Path(name).stem for name in ROWS["image_file"])
    by_id = ROWS.set_index(ROWS["image_file"].str.removesuffix(".jpg")).loc[images["image_id"]]
    np.testing.assert_allclose(
        images["score"], by_id["memorability_w_fa_correction"], rtol=0, atol=1e-15
    )
    assert images["hits"].tolist() == by_id["H"].tolist()


# The table


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("memorability_w_fa_correction", 1e-6),
        ("memorability_wo_fa_correction", -1e-6),
        ("H", 1),
        ("FA", 1),
        ("n_resp", 1),
    ],
)
def test_scores_that_are_not_those_of_their_counts_are_refused(
    tmp_path: Path, column: str, change: float
) -> None:
    rows = ROWS.copy()
    rows.loc[6, column] += change
    message = refusal(tmp_path, memcat_files(ROWS), rows)
    assert "in 1 of 20 rows" in message
    assert f"line 8 ({rows['image_file'][6]})" in message
    assert "from its counts" in message


def test_a_table_saved_with_fewer_digits_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, memcat_files(ROWS), ROWS.round(6))
    assert "spreadsheet programs round" in message


@pytest.mark.parametrize("column", ["memorability_wo_fa_correction", "n_resp", "image_file"])
def test_a_missing_column_is_refused(tmp_path: Path, column: str) -> None:
    message = refusal(tmp_path, memcat_files(ROWS), ROWS.drop(columns=column))
    assert f"no column {column!r}" in message


@pytest.mark.skipif(not REFERENCE.is_file(), reason="MemCat's real table is not in ../shared")
def test_the_real_table_agrees_with_itself() -> None:
    rows = read_table(REFERENCE)
    raw = pd.read_csv(REFERENCE)
    assert len(rows) == 10_000
    assert rows["score"].tolist() == raw["memorability_w_fa_correction"].tolist()
    # Hits and false alarms may together exceed the responses.
    assert int(((raw["H"] + raw["FA"]) > raw["n_resp"]).sum()) == 711


@pytest.mark.real_data
@pytest.mark.skipif(not SUBSET.is_dir(), reason="no photographs of MemCat in ../shared")
def test_real_photographs_in_memcats_layout_are_matched_with_their_rows(tmp_path: Path) -> None:
    images = SUBSET / "images"
    files = {
        f"MemCat_images/MemCat/{path.relative_to(images).as_posix()}": path.read_bytes()
        for path in images.rglob("*.jpg")
    }
    real = pd.read_csv(REFERENCE, index_col=0)
    names = {path.rsplit("/", 1)[-1] for path in files}
    rows = real[real["image_file"].isin(names)]
    assert len(rows) == len(files) == 387
    scores, differences = run(tmp_path, files, rows)
    assert differences.empty
    assert unpacked(tmp_path) == set(scores["file"])
