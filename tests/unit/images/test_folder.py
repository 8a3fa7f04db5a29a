"""Which file is which image, whatever the spelling."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability.images.folder import (
    Mismatch,
    find_images,
    is_image,
    match,
    rows_without_file,
    same_image,
    walk,
)

DECOMPOSED = unicodedata.normalize("NFD", "été.jpg")


@pytest.mark.parametrize(
    "other",
    [
        "set/a.JPG", "set/a.jpeg", "set/a.JPEG", "set/a.Jpg", "set//a.jpg", "./set/a.jpg",
        "set/a.jfif", "set/a.jpe", "set/a.JPE",
    ],
)  # fmt: skip
def test_spellings_of_an_extension_are_one_image(other: str) -> None:
    assert same_image(other) == same_image("set/a.jpg")


@pytest.mark.parametrize("other", ["set/A.jpg", "SET/a.jpg", "set/a.png", "a.jpg", "set/a.jpg.jpg"])
def test_other_names_are_other_images(other: str) -> None:
    assert same_image(other) != same_image("set/a.jpg")


def test_accents_are_the_same_in_one_sign_or_two() -> None:
    assert DECOMPOSED != "été.jpg"
    assert same_image(DECOMPOSED) == same_image("été.jpg")


def test_an_image_is_known_by_its_extension() -> None:
    assert all(is_image(path) for path in ("a.jpg", "x/a.JPEG", "a.b.Png", "a.tif", "a.webp"))
    assert not any(is_image(path) for path in ("a", "jpg", "x.jpg/a", "a.txt", ".jpg", "a.jpg.txt"))


@pytest.mark.parametrize(
    ("file", "present"),
    [
        ("a.jpg", "a.JPG"),
        ("a.JPEG", "a.jpg"),
        ("a.jpg", "set/deep/a.JPEG"),
        ("set/a.jpg", "set/a.JPEG"),
        ("été.jpg", f"set/{DECOMPOSED}"),
        (DECOMPOSED, "été.JPG"),
    ],
)
def test_a_row_finds_another_spelling_of_its_image(file: str, present: str) -> None:
    assert match([file], ["other.jpg", present]) == (
        [present],
        [Mismatch("unnamed", "other.jpg")],
    )


def test_a_name_as_written_goes_before_other_spellings() -> None:
    present = ["a.jpg", "a.JPG", "set/b.jpg", "set/b.JPG"]
    found, mismatches = match(["a.JPG", "b.jpg"], present)
    assert found == ["a.JPG", "set/b.jpg"]
    assert mismatches == [Mismatch("unnamed", "a.jpg"), Mismatch("unnamed", "set/b.JPG")]


def test_a_spelling_that_fits_two_files_is_not_guessed() -> None:
    found, mismatches = match(["a.jpg"], ["a.JPG", "a.jpeg"])
    assert found == [None]
    assert mismatches == [
        Mismatch("ambiguous", "a.jpg", ("a.JPG", "a.jpeg")),
        Mismatch("unnamed", "a.JPG"),
        Mismatch("unnamed", "a.jpeg"),
    ]


def test_a_file_is_one_rows_image_only() -> None:
    found, mismatches = match(["a.jpg", "set/a.jpg"], ["set/a.JPG"])
    assert found == ["set/a.JPG", None]
    assert mismatches == [Mismatch("taken", "set/a.jpg", ("set/a.JPG",))]


def test_a_directory_in_the_table_is_not_left_out_of_account() -> None:
    assert match(["x/a.jpg"], ["y/a.jpg"]) == (
        [None], [Mismatch("missing", "x/a.jpg"), Mismatch("unnamed", "y/a.jpg")]
    )  # fmt: skip


@pytest.mark.parametrize("name", ["already", "could be any of", "is in the score table, but no"])
def test_what_a_file_is_called_does_not_change_what_is_wrong_with_it(name: str) -> None:
    assert match([f"{name}.jpg"], []) == ([None], [Mismatch("missing", f"{name}.jpg")])


@pytest.mark.parametrize(
    ("mismatch", "reason"),
    [
        (Mismatch("missing", "a.jpg"), "is in the score table, but no such file"),
        (
            Mismatch("ambiguous", "a.jpg", ("x/a.jpg", "y/a.jpg")),
            "is in the score table, but could be any of x/a.jpg, y/a.jpg",
        ),
        (
            Mismatch("taken", "a.jpg", ("x/a.jpg",)),
            "is in the score table, but x/a.jpg is already another row's image",
        ),
        (Mismatch("unnamed", "a.jpg"), "is not in the score table"),
    ],
)
def test_reasons_in_words(mismatch: Mismatch, reason: str) -> None:
    assert mismatch.reason == reason


def test_rows_without_a_file_are_counted_by_what_is_wrong() -> None:
    rows = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "x/d.jpg"]
    found, mismatches = match(rows, ["x/b.jpg", "y/b.jpg", "x/d.jpg", "z.jpg"])
    assert found == [None, None, None, "x/d.jpg", None]
    assert rows_without_file(mismatches) == (
        "2 name no file that there is, for example 'a.jpg'; 1 could stand for several files, for "
        "example 'b.jpg' (x/b.jpg, y/b.jpg); 1 stand for a file that is already another row's, for "
        "example 'x/d.jpg' (x/d.jpg)"
    )


@given(st.lists(st.text("abc", min_size=1, max_size=3), unique=True))
def test_every_row_and_every_image_is_found_or_told(names: list[str]) -> None:
    rows = [f"{name}.jpg" for name in names[: len(names) * 2 // 3]]
    present = [f"x/{name}.JPG" for name in names[len(names) // 3 :]]
    found, mismatches = match(rows, present)
    assert len(found) == len(rows)
    told = [one.file for one in mismatches]
    assert {path for path in found if path} | set(told) == set(present) | {
        row for row, path in zip(rows, found, strict=True) if path is None
    }
    assert len(told) == len(set(told))


# Walking through a folder


def fill(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"")


@given(st.lists(st.tuples(st.sampled_from("abcx"), st.sampled_from("abcx")), max_size=8))
def test_links_to_any_folders_multiply_no_photograph(
    tmp_path_factory: pytest.TempPathFactory, links: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("photos")
    photographs = ["1.jpg", "a/2.jpg", "a/b/3.jpg", "c/4.jpg"]
    fill(folder, *photographs)
    places = {"a": folder / "a", "b": folder / "a/b", "c": folder / "c", "x": folder}
    for number, (place, target) in enumerate(links):
        # Names that come before and after those of the folders.
        (places[place] / f"{'0z'[number % 2]}{number}").symlink_to(places[target])
    assert walk(folder) == photographs


def test_a_linked_folder_from_elsewhere_is_searched_once(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere", "deep/1.jpg")
    fill(tmp_path / "photos", "2.jpg")
    for name in ("first", "second"):
        (tmp_path / "photos" / name).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/deep/up").symlink_to(tmp_path)
    assert walk(tmp_path / "photos") == ["2.jpg", "first/deep/1.jpg"]


def test_hidden_files_and_copies_of_storage_devices_are_left_out(tmp_path: Path) -> None:
    fill(
        tmp_path, "a.jpg", "._a.jpg", ".DS_Store", ".trash/b.jpg", "@eaDir/a.jpg/SMALL.jpg",
        "in/__MACOSX/in/c.jpg", "in/c.JFIF", "in/d.jpe", "note.txt", "Thumbs.db",
    )  # fmt: skip
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert walk(tmp_path) == ["Thumbs.db", "a.jpg", "in/c.JFIF", "in/d.jpe", "note.txt"]
    assert find_images(tmp_path) == ["a.jpg", "in/c.JFIF", "in/d.jpe"]
