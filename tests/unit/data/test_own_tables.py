from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memorability.base.errors import InputError
from memorability.data.own_tables import image_table, read_predictions, read_split
from memorability.data.scores import read_scores
from memorability.images.store import Preparation, prepare
from memorability.tables import store
from tests.standins import memcat_rows, photograph, write_memcat_table

IMAGES = pd.DataFrame(
    {
        "image_id": ["cats/one", "cats/two", "cups/one"],
        "file": ["cats/one.jpg", "cats/two.jpg", "cups/one.png"],
        "score": [0.2, 0.4, 0.9],
    }
)
REJECTED = pd.DataFrame({"file": ["cats/bad.jpg"], "reason": ["unreadable"]})
SPLIT = pd.DataFrame(
    {"image_id": IMAGES["image_id"], "split": ["train", "test", "test"], "score": IMAGES["score"]}
)
ROWS = [("cats/one.jpg", "train"), ("two.jpg", "validation"), ("cups/one.png", "test")]
FILES = {"file": "Image", "image_id": None, "split": "Part"}


def split_of(
    directory: Path, rows: list[tuple[str, str]], columns: dict[str, str | None] = FILES
) -> pd.DataFrame:
    path = directory / "split.csv"
    pd.DataFrame(rows, columns=["Image", "Part"]).to_csv(path, index=False)
    return read_split(path, columns, IMAGES, REJECTED)


def test_a_split_is_read_by_whole_or_bare_file_names(tmp_path: Path) -> None:
    table = split_of(tmp_path, ROWS)
    schema = store.SCHEMAS["official_splits"][1]
    schema.validate(table[list(schema.columns)])
    parts = table.set_index("image_id")["split"].to_dict()
    assert parts == {"cats/one": "train", "cats/two": "validation", "cups/one": "test"}
    assert (
        table.set_index("image_id")["score"].to_dict()
        == IMAGES.set_index("image_id")["score"].to_dict()
    )


def test_a_split_is_read_by_ids_and_may_name_images_that_were_left_out(tmp_path: Path) -> None:
    rows = [
        ("cats/one", "test"),
        ("cats/two", "train"),
        ("cups/one", "train"),
        ("cats/bad", "test"),
    ]
    table = split_of(tmp_path, rows, FILES | {"image_id": "Image"})
    assert len(table) == 3


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [*ROWS, ("cats/won.jpg", "test")],
            r"1 images that the study does not have.*'cats/won.jpg' in line 5 \(did you mean",
        ),
        (
            [*ROWS, ("cats/two.jpg", "train")],
            r"'cats/two.jpg' is the image 'cats/two.jpg', .*another row's image \(1 such rows\)",
        ),
        (
            [*ROWS, ("already any of.jpg", "test")],
            "1 images that the study does not have, for example 'already any of.jpg' in line 5",
        ),
        ([*ROWS[:2], ("one.png", "tset")], "line 4: 'tset' is no part .* train, validation, test"),
        (ROWS[:2], "does not say what 1 of 3 images are for, for example 'cups/one'"),
        ([], "has no rows"),
    ],
)
def test_a_split_with_mistakes_is_explained(
    rows: list[tuple[str, str]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        split_of(tmp_path, rows)


def test_a_row_that_could_be_any_of_several_images_is_called_so(tmp_path: Path) -> None:
    twice = pd.DataFrame({"image_id": ["x/a", "y/a"], "file": ["x/a.jpg", "y/a.jpg"]})
    path = tmp_path / "split.csv"
    path.write_text("Image,Part\na.jpg,test\n", encoding="utf-8")
    said = (
        r"'a\.jpg' could be any of the images x/a\.jpg, y/a\.jpg \(1 such rows\)\. Give the paths"
    )
    with pytest.raises(InputError, match=said):
        read_split(path, FILES, twice.assign(score=0.5), REJECTED)


def test_an_image_with_two_ids_rows_is_refused(tmp_path: Path) -> None:
    rows = [
        ("cats/one", "test"),
        ("cats/one", "train"),
        ("cats/two", "train"),
        ("cups/one", "test"),
    ]
    with pytest.raises(InputError, match=r"image 'cats/one' is named twice \(1 such rows\)"):
        split_of(tmp_path, rows, FILES | {"image_id": "Image"})


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'Prt' \(did you mean 'Part'"):
        split_of(tmp_path, ROWS, FILES | {"split": "Prt"})


def predictions_of(directory: Path, rows: list[tuple[str, object]]) -> pd.DataFrame:
    path = directory / "theirs.tsv"
    pd.DataFrame(rows, columns=["name", "value"]).to_csv(path, index=False, sep="\t")
    return read_predictions(path, {"file": "name", "predicted": "value"}, IMAGES, SPLIT)


def test_predictions_of_all_test_images_are_enough(tmp_path: Path) -> None:
    rows = [("cups/one.png", 0.75), ("elsewhere.jpg", 0.1), ("cats/two.jpg", -1.5)]
    table = predictions_of(tmp_path, rows)
    store.SCHEMAS["head_predictions"][1].validate(
        table[["image_id", "other_image_id", "predicted"]]
    )
    assert table.set_index("image_id")["predicted"].to_dict() == {
        "cups/one": 0.75,
        "cats/two": -1.5,
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("cups/one.png", 0.5)], "predicts 1 of 2 test images; 'cats/two' is missing"),
        ([("CUPS/One.png", 0.5), ("x", 0.1)], "predicts 0 of 2 .*named as in 'CUPS/One.png'"),
        ([("cups/one.png", "high"), ("cats/two.jpg", 0.5)], "no finite number .line 2: 'high'"),
        ([("cups/one.png", np.inf), ("cats/two.jpg", 0.5)], "no finite number .line 2: 'inf'"),
        ([("cups/one.png", 0.5), ("cats/two.jpg", 0.5), ("two.jpg", 0.25)], "already another row"),
    ],
)  # fmt: skip
def test_predictions_with_mistakes_are_explained(
    rows: list[tuple[str, object]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        predictions_of(tmp_path, rows)


# Scores alone

SCORE_COLUMNS = {"file": "name", "score": "memorability", "category": "group"}


def score_table(path: Path) -> Path:
    table = pd.DataFrame(
        {
            "name": [f"{group}/{k}.jpg" for group in "ba" for k in range(3)],
            "memorability": np.linspace(0.2, 0.9, 6),
            "group": list("bbbaaa"),
        }
    )
    table.to_csv(path, index=False)
    return path


def test_a_score_table_becomes_the_image_table_by_itself(tmp_path: Path) -> None:
    images = image_table(
        score_table(tmp_path / "s.csv"), "table", SCORE_COLUMNS, on_bad_image="stop", seed=0
    )
    store.write(images, tmp_path / "images.parquet", "images")
    assert list(images["image_id"]) == ["a/0", "a/1", "a/2", "b/0", "b/1", "b/2"]
    assert images.loc[images["image_id"] == "b/0", "score"].item() == 0.2
    assert sorted(images["position"]) == list(range(6))


def test_it_is_that_of_the_images_where_they_are_there(tmp_path: Path) -> None:
    path = score_table(tmp_path / "s.csv")
    for number, name in enumerate(pd.read_csv(path)["name"]):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(photograph(number))

    with_images, _ = prepare(
        read_scores(path, SCORE_COLUMNS), tmp_path / "images", tmp_path / "pixels.npy",
        Preparation(resize="squash", minimum_side=1, on_bad_image="stop", seed=3),
    )  # fmt: skip
    alone = image_table(path, "table", SCORE_COLUMNS, on_bad_image="stop", seed=3)
    assert alone[["width", "height"]].isna().all(axis=None)
    known = alone.columns.drop(["width", "height"])
    pd.testing.assert_frame_equal(alone[known], with_images[known])


def test_memcats_table_is_recomputed_from_its_counts(tmp_path: Path) -> None:
    rows = memcat_rows()
    images = image_table(
        write_memcat_table(tmp_path / "m.csv", rows), "memcat", {}, on_bad_image="stop", seed=0
    )
    assert len(images) == len(rows)
    assert images["image_id"].str.len().unique().tolist() == [12]
    assert images["d_prime"].notna().all()
    rows.loc[4, "memorability_w_fa_correction"] += 0.01
    with pytest.raises(InputError, match=r"is not \(H − FA\) / n_resp in 1 of 20 rows"):
        image_table(
            write_memcat_table(tmp_path / "m.csv", rows), "memcat", {}, on_bad_image="stop", seed=0
        )


@pytest.mark.parametrize("nothing", ["", "NA", "nan"])
def test_a_row_without_a_score_is_left_out_where_bad_images_are(
    tmp_path: Path, nothing: str
) -> None:
    path = score_table(tmp_path / "s.csv")
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[2] = f"b/1.jpg,{nothing},b"
    path.write_text("\n".join(lines), encoding="utf-8")
    images = image_table(path, "table", SCORE_COLUMNS, on_bad_image="reject", seed=0)
    assert list(images["image_id"]) == ["a/0", "a/1", "a/2", "b/0", "b/2"]
    with pytest.raises(InputError, match=r"1 rows have no score .*line 3: 'b/1.jpg'.*reject"):
        image_table(path, "table", SCORE_COLUMNS, on_bad_image="stop", seed=0)


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        ((57.0, 80.0), "Divide percentages by 100"),
        ((4.5, 6.25), "look like ratings"),
        ((0.5, -2.5), "A score is a share of responses"),
    ],
)
def test_predictions_in_another_unit_are_refused_as_scores_are(
    tmp_path: Path, values: tuple[float, float], advice: str
) -> None:
    rows = list(zip(["cups/one.png", "cats/two.jpg"], values, strict=True))
    with pytest.raises(InputError, match=rf"prediction outside −2 to 2 .*{advice}"):
        predictions_of(tmp_path, rows)
