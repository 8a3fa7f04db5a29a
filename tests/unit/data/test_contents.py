"""What is in images decides what is prepared, and each file is read once."""

import json
import os
from pathlib import Path

import pytest

from memorability.data import contents as module
from memorability.data.contents import contents, folder_hash, scored_images_hash

FILES = ("a.jpg", "in/b.jpg")
COLUMNS = {"file": "file", "score": "score", "category": "category"}
TABLE = "file,score,category\na.jpg,.1,cat\nb.jpg,.2,cat\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "photos"
    (path / "in").mkdir(parents=True)
    (path / "a.jpg").write_bytes(b"one")
    (path / "in/b.jpg").write_bytes(b"two")
    (tmp_path / "scores.csv").write_text(TABLE, encoding="utf-8")
    return path


def scored(folder: Path, code: str = "code") -> str:
    place = folder.parent
    return scored_images_hash(
        folder, place / "scores.csv", COLUMNS, place / "index.json", code=code
    )


def test_scores_labels_times_and_other_files_have_no_part(folder: Path) -> None:
    before, whole = scored(folder), folder_hash(folder, folder.parent / "all.json")
    table = folder.parent / "scores.csv"
    table.write_text(TABLE.replace(".2", ".3").replace("cat\n", "dog\n"), encoding="utf-8")
    (folder / "new.txt").write_bytes(b"")
    (folder / ".new.jpg").write_bytes(b"")
    os.utime(folder / "a.jpg", (1, 1))
    assert (scored(folder), folder_hash(folder, folder.parent / "all.json")) == (before, whole)
    (folder / "in/new.jpg").write_bytes(b"three")
    assert scored(folder) == before
    assert folder_hash(folder, folder.parent / "all.json") != whole


@pytest.mark.parametrize("change", ["overwrite", "move", "name", "row"])
def test_another_image_is_another_content(folder: Path, change: str) -> None:
    before = scored(folder)
    table, image = folder.parent / "scores.csv", folder / "in/b.jpg"
    status = image.stat()
    if change == "overwrite":
        image.write_bytes(b"TWO")
        os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "move":
        image.rename(folder / "b.jpg")
    elif change == "name":
        image.rename(folder / "in/c.jpg")
        table.write_text(TABLE.replace("b.jpg", "c.jpg"), encoding="utf-8")
    else:
        table.write_text(TABLE + "c.jpg,.3,cat\n", encoding="utf-8")
    assert scored(folder) != before


def test_a_file_is_read_again_only_where_it_may_have_changed(folder: Path) -> None:
    index = folder.parent / "index.json"
    files = ["a.jpg", "in/b.jpg", "gone.jpg"]
    first = contents(folder, files, index)
    assert first["a.jpg"] == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    assert set(first) == {"a.jpg", "in/b.jpg"}
    kept = json.loads(index.read_text(encoding="utf-8"))
    kept[str(folder / "a.jpg")][1] = "as kept"
    index.write_text(json.dumps(kept), encoding="utf-8")
    assert contents(folder, files, index) == first | {"a.jpg": "as kept"}
    index.write_text("no JSON", encoding="utf-8")
    assert contents(folder, files, index) == first


def test_a_table_that_will_be_refused_is_known_by_its_bytes(folder: Path) -> None:
    table = folder.parent / "scores.csv"
    table.write_text("no table", encoding="utf-8")
    first = scored(folder)
    table.write_text("no table at all", encoding="utf-8")
    assert scored(folder) != first
    table.unlink()
    assert scored(folder) == ""


def test_a_row_without_a_score_is_no_scored_image(folder: Path) -> None:
    table = folder.parent / "scores.csv"
    before = scored(folder)
    table.write_text(TABLE.replace(".2", "NA"), encoding="utf-8")
    assert scored(folder) != before
    table.write_text(TABLE.replace(".2", ".9"), encoding="utf-8")
    assert scored(folder) == before


def test_of_single_trials_the_images_count_and_not_the_answers(folder: Path) -> None:
    table = folder.parent / "trials.csv"
    columns = {"observer": "who", "file": "file", "response": "key", "repeat": "again"}
    rows = [f"p,{file},{again},{again}" for file in ("a.jpg", "b.jpg") for again in (0, 1)]

    def hashed(rows: list[str]) -> str:
        table.write_text("\n".join(["who,file,key,again", *rows]), encoding="utf-8")
        index = folder.parent / "index.json"
        return scored_images_hash(folder, table, columns, index, code="", single_trials=True)

    before = hashed(rows)
    assert hashed([row.replace(",1,1", ",0,1") for row in rows]) == before
    assert hashed(rows[:2]) != before
    (folder / "a.jpg").write_bytes(b"another")
    assert hashed(rows) != before


@pytest.mark.parametrize("single_trials", [False, True])
def test_a_table_is_read_again_only_where_it_or_its_reader_may_have_changed(
    folder: Path, single_trials: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = folder.parent / "given.csv"
    columns, rows = COLUMNS, TABLE
    if single_trials:
        columns = {"observer": "who", "file": "file", "response": "key", "repeat": "again"}
        rows = "who,file,key,again\n" + "".join(f"p,{file},0,0\np,{file},1,1\n" for file in FILES)
    table.write_text(rows, encoding="utf-8")
    name = "read_trials" if single_trials else "read_scores"
    read: list[Path] = []
    reader = getattr(module, name)
    monkeypatch.setattr(module, name, lambda path, names: read.append(path) or reader(path, names))

    def hashed(code: str = "code", **others: str) -> str:
        index = folder.parent / "index.json"
        return scored_images_hash(
            folder, table, columns | others, index, code=code, single_trials=single_trials
        )

    first = hashed()
    assert hashed() == first
    assert len(read) == 1
    status = table.stat()
    table.write_text(rows.replace("b.jpg", "c.jpg"), encoding="utf-8")
    os.utime(table, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert hashed() != first
    table.write_text(rows, encoding="utf-8")
    assert hashed() == first
    assert len(read) == 3
    hashed(code="another")
    hashed(code="another", category="category" if not single_trials else "who")
    assert len(read) == (5 if single_trials else 4)
