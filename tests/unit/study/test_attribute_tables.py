"""Tables of attributes in a configuration: their files, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from memorability.attributes.names import BROUGHT
from memorability.attributes.reading import AttributeTable
from memorability.base.errors import InputError
from memorability.base.settings import from_params
from memorability.study import paths, preflight
from memorability.study.resolve import resolve
from tests.unit.study.test_study import ALONE, ROOT, merged

MINE = {"file": "mine.csv", "columns": {"file": "image"}, "numbers": {"popularity": "views"}}


def test_files_of_attributes_are_the_users_in_any_study() -> None:
    tables = {"mine": MINE, "ava": {"format": "ava", "file": "AVA.txt"}}
    tables |= {"photographs": {"format": "emotion_names"}}
    for base in ({}, ALONE):
        study = resolve(merged(base, {"attributes": tables}), ROOT)
        assert {"mine.csv", "AVA.txt"} <= set(paths.given_tables(study))
        assert paths.attribute_files(study, "photographs") == []
        settings = study.settings["attributes"]["mine"]
        assert from_params(AttributeTable, settings).numbers == {"popularity": "views"}
        with pytest.raises(InputError, match=r"attributes\.(mine|ava)\.file"):
            preflight.check_tables_from_elsewhere(study)


def test_the_sample_brings_its_own() -> None:
    sample = {"dataset": {"kind": "sample", "images_per_category": 4, "observers": 10}}
    overlay = {"attributes": {"planted": {"format": "sample"}}}
    split = {"prediction": {"split": {"kind": "official"}}}
    study = resolve(merged(sample, overlay, split), ROOT)
    (file,) = paths.attribute_files(study, "planted")
    assert Path(file).name == "attributes.csv"
    assert file not in paths.given_tables(study)
    assert set(BROUGHT["sample"]) == {"source", "popularity", "fixation_consistency", "aesthetics"}


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"mine": {"numbers": {"a": "b"}, "columns": {"file": "f"}}}, "name the file"),
        ({"mine": MINE | {"file": "mine.xlsx"}}, r"mine\.xlsx is no \.csv"),
        ({"mine": MINE | {"columns": {}}}, "name either file or image_id"),
        ({"mine": MINE | {"columns": {"file": "f", "image_id": "i"}}}, "either file or image_id"),
        ({"mine": MINE | {"numbers": {}}}, "at least one attribute"),
        ({"mine": MINE | {"labels": {"popularity": "x"}}}, "'popularity' is an attribute twice"),
        ({"mine": MINE, "other": MINE}, r"attributes\.other: 'popularity' .*attributes\.mine"),
        (
            {"ava": {"format": "ava", "file": "a.txt", "numbers": {"a": "b"}}},
            "those of ava are known",
        ),
        ({"art": {"format": "emotion_names", "file": "x.csv"}}, "reads no file"),
        ({"ava": {"format": "ava"}}, "name the file"),
        ({"planted": {"format": "sample"}}, "for the data set sample alone"),
        ({"mine": MINE | {"format": "xls"}}, "'xls'"),
        ({"Mine": MINE}, "Mine"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tables: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        resolve(merged({"attributes": tables}), ROOT)
