"""SUN memorability, FIGRIM and THINGS, in stand-ins of the published form."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import savemat

from memorability.base.errors import InputError
from memorability.data.published import figrim, sun, things
from memorability.data.published.unpacking import counts_of_repeats
from memorability.data.scores import read_scores
from memorability.study.study import image_source
from memorability.tables import store
from tests.standins import photograph, write_zip

Files = dict[str, bytes]
# Hits, misses, false alarms, correct rejections. The third has more first showings than repeats.
COUNTS = [(60, 20, 8, 72), (30, 50, 4, 76), (39, 39, 9, 81), (70, 10, 0, 80)]
PIXELS = np.random.default_rng(0).integers(0, 256, (16, 12, 3, 4), dtype=np.uint8)


def matlab(**variables: Any) -> bytes:
    """Return the bytes of a MATLAB file of version 5."""
    buffer = io.BytesIO()
    savemat(buffer, variables, oned_as="column")
    return buffer.getvalue()


def cells(records: list[dict[str, Any]]) -> np.ndarray:
    """Return a column of cells with a record each, as MATLAB's {…} is stored."""
    column = np.empty((len(records), 1), dtype=object)
    column[:, 0] = records
    return column


def sun_files(records: list[dict[str, Any]] | None = None, pixels: np.ndarray = PIXELS) -> Files:
    """Return the files of SUN memorability's archive."""
    fields = ("hits", "misses", "false_alarms", "correct_rejections")
    made = [
        # Two scenes have a photograph of the same name.
        {"filepath": f"s/scene_{number}/sun_{number % 3}_crop.jpg"}
        | dict(zip(fields, map(float, counts), strict=True))
        for number, counts in enumerate(COUNTS)
    ]
    place = "cvpr_memorability_data/Data"
    data = matlab(sorted_target_data=cells(made if records is None else records))
    return {
        f"{place}/Image data/target_images.mat": matlab(img=pixels),
        f"{place}/Image data/filler_images.mat": b"not read",
        f"{place}/Experiment data/sorted_target_data.mat": data,
        f"__MACOSX/{place}/Experiment data/sorted_target_data.mat": b"not read",
    }


def figrim_files() -> tuple[Files, bytes]:
    """Return FIGRIM's scenes, and the file of responses to them."""
    scenes = [
        ("airport_terminal", "sun_a.jpg"),
        ("badlands", "sun_b.jpg"),
        ("badlands", "sun_c.jpg"),
    ]
    kind = [("filename", object), ("category", object), ("AMT_comb", object), ("userdata", object)]
    records = np.zeros((1, 3), dtype=kind)
    for place, ((category, name), (hits, misses, *_)) in enumerate(
        zip(scenes, COUNTS, strict=False)
    ):
        responses = {"hits": float(hits), "misses": float(misses)}
        records[0, place] = (name, category, responses, np.zeros((1, 2)))
    images = {f"Targets/{'/'.join(scene)}": photograph(n) for n, scene in enumerate(scenes)}
    return images, matlab(allImages=records)


def things_files() -> tuple[Files, pd.DataFrame]:
    """Return the photographs of THINGS, and the table of their scores."""
    names = [f"{name}/{name}_0{n}b.jpg" for name in ("aardvark", "abacus") for n in (1, 2)]
    images = {f"object_images/{name}": photograph(n) for n, name in enumerate(names)}
    rows = pd.DataFrame(
        {
            "image_nr": range(1, 5),
            "image_name": [name.rsplit("/", 1)[-1] for name in names],
            "file_path": [f"images/{name}" for name in names],
            "cr": [0.81, 0.644, -0.02, np.nan],
        }
    )
    return images, rows


def as_a_study_reads(scores: pd.DataFrame, kind: str, directory: Path) -> pd.DataFrame:
    """Write a table of scores, and return it as a study of this data set reads it."""
    path = directory / "scores.parquet"
    store.write(scores, path, "scores")
    return read_scores(path, image_source({"kind": kind}, "")["columns"]).set_index("image_id")


def test_sun_has_its_pixels_hits_and_false_alarms(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "sun.zip", sun_files())
    scores, differences = sun.unpack(archive, tmp_path / "images")
    read = as_a_study_reads(scores, "sun", tmp_path)
    assert list(read.index) == [
        "0001_sun_0_crop", "0002_sun_1_crop", "0003_sun_2_crop", "0004_sun_0_crop",
    ]  # fmt: skip
    for number, file in enumerate(read["file"]):
        with Image.open(tmp_path / "images" / file) as image:
            assert np.array_equal(np.asarray(image), PIXELS[..., number])
    hit_rates = [60 / 80, 30 / 80, 39 / 78, 70 / 80]
    assert list(read["score_uncorrected"]) == pytest.approx(hit_rates)
    # 9 of 90 first showings are 7.8 of 78 repeats.
    assert list(read["false_alarms"]) == [8, 4, 8, 0]
    assert list(read["score"]) == pytest.approx([52 / 80, 26 / 80, 31 / 78, 70 / 80])
    assert (read["missing"] == "").all()
    assert list(differences["file"]) == ["0003_sun_2_crop.png"]
    assert "9 false alarms of 90 first showings count as 8 of 78" in differences["difference"][0]
    assert {path.name for path in tmp_path.iterdir()} == {"sun.zip", "images", "scores.parquet"}


def test_sun_takes_the_images_of_the_study_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sun, "TARGETS", 3)
    archive = write_zip(tmp_path / "sun.zip", sun_files())
    scores, _ = sun.unpack(archive, tmp_path / "images")
    assert len(scores) == len(list((tmp_path / "images").iterdir())) == 3


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a/readme.txt": b""}, "has no target_images.mat"),
        (sun_files() | {"x/target_images.mat": b""}, "would both be unpacked"),
        (sun_files(pixels=PIXELS[..., :2]), r"not images \(height, width, 3, 4\)"),
        (sun_files([{"filepath": "a.jpg", "hits": 1.0}]), "its misses is None, not a count"),
        (sun_files([{"hits": 1.0, "misses": 1.0}]), "image 1 has no file name"),
        (
            sun_files(
                [dict.fromkeys(("hits", "misses", "false_alarms", "correct_rejections"), 0.0)
                 | {"filepath": "a.jpg"}]
            ),
            "a was never repeated",
        ),
    ],
)  # fmt: skip
def test_another_archive_than_suns_is_refused_and_nothing_is_left(
    tmp_path: Path, files: Files, message: str
) -> None:
    archive = write_zip(tmp_path / "sun.zip", files)
    with pytest.raises(InputError, match=message):
        sun.unpack(archive, tmp_path / "images")
    assert [path.name for path in tmp_path.iterdir()] == ["sun.zip"]


def test_false_alarms_are_out_of_repeats() -> None:
    assert counts_of_repeats(60, 20, 8, 72) == (60, 8, 80)
    assert counts_of_repeats(39, 39, 9, 81) == (39, 8, 78)
    assert counts_of_repeats(1, 1, 0, 0) == (1, 0, 2)
    assert counts_of_repeats(5, 5, 20, 0) == (5, 10, 10)


def test_figrim_has_scenes_and_hit_rates(tmp_path: Path) -> None:
    images, responses = figrim_files()
    archive = write_zip(tmp_path / "Targets.zip", images | {"Targets/.DS_Store": b""})
    (tmp_path / "r.mat").write_bytes(responses)
    scores, differences = figrim.unpack(archive, tmp_path / "r.mat", tmp_path / "images")
    assert differences.empty
    read = as_a_study_reads(scores.iloc[[1, 2]], "figrim", tmp_path)
    assert read["score"].to_dict() == {"sun_b": 30 / 80, "sun_c": 39 / 78}
    assert set(read["category"]) == {"badlands"}
    assert (tmp_path / "images" / scores["file"][0]).read_bytes() == photograph(0)
    assert scores["file"][0] == "airport_terminal/sun_a.jpg"


def test_what_is_no_file_of_figrim_is_refused(tmp_path: Path) -> None:
    images, responses = figrim_files()
    archive = write_zip(tmp_path / "Targets.zip", images)
    for content, message in (
        (b"<html>", r"r\.mat is no MATLAB file"),
        (matlab(other=1), "has no variable 'allImages'"),
        (matlab(allImages={"filename": "a.jpg"}), "record 1 has no file name and category"),
        (
            matlab(allImages={"filename": "a.jpg", "category": "x", "AMT_comb": {"hits": 0.5}}),
            "a.jpg: its hits is 0.5, not a count",
        ),
    ):
        (tmp_path / "r.mat").write_bytes(content)
        with pytest.raises(InputError, match=message):
            figrim.unpack(archive, tmp_path / "r.mat", tmp_path / "images")
    (tmp_path / "r.mat").write_bytes(responses)
    other = write_zip(tmp_path / "other.zip", {"x/y.jpg": photograph(1)})
    with pytest.raises(InputError, match="3 of 3 rows of FIGRIM's table have no image"):
        figrim.unpack(other, tmp_path / "r.mat", tmp_path / "images")
    assert not (tmp_path / "images").exists()


def test_things_has_objects_as_subcategories_and_its_scores_as_published(tmp_path: Path) -> None:
    images, rows = things_files()
    del images["object_images/abacus/abacus_01b.jpg"]
    images["object_images/acorn/acorn_01b.jpg"] = photograph(9)
    archive = write_zip(tmp_path / "things.zip", images)
    rows.to_csv(tmp_path / "t.csv", index=False)
    scores, differences = things.unpack(archive, tmp_path / "t.csv", tmp_path / "images")
    read = as_a_study_reads(scores, "things", tmp_path)
    assert read["score"].to_dict() == {
        "aardvark_01b": 0.81,
        "aardvark_02b": 0.644,
        "abacus_01b": -0.02,
    }
    assert list(read["subcategory"]) == ["aardvark", "aardvark", "abacus"]
    assert set(read["category"]) == {"all"}
    listed = dict(differences.to_numpy())
    assert listed == {
        "abacus/abacus_01b.jpg": "is in the score table, but no such file",
        "acorn/acorn_01b.jpg": "is not in the score table",
        "abacus/abacus_02b.jpg": "has no score",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cr": [0.5, 0.5, 1.5, 0.5]}, "line 4: '1.5' is no score from −1 to 1"),
        (
            {"file_path": ["a.jpg", "x/b.jpg", "x/c.jpg", "x/d.jpg"]},
            "line 2: 'a.jpg' is not a path",
        ),
    ],
)
def test_another_table_than_that_of_things_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    _, rows = things_files()
    rows.assign(**change).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match=message):
        things.read_table(tmp_path / "t.csv")
