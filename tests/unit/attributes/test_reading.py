"""Tables of attributes: as their authors publish them, and of users."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memorability.attributes.names import EMOTIONS
from memorability.attributes.reading import AttributeTable, read_attributes
from memorability.base.errors import InputError
from memorability.data.sample import SOURCES, make_sample
from memorability.tables import store

IMAGES = pd.DataFrame(
    {
        "image_id": ["a/953619", "b/two", "fear_0012", "fearless"],
        "file": ["a/953619.jpg", "b/two.JPG", "fear_0012.jpg", "fearless.jpg"],
    }
)
EMOTIONS_HEADER = "image,Amusement,Anger,Awe,Content,Disgust,Excitement,Fear,Sad\n"


def source(**changes: object) -> AttributeTable:
    return AttributeTable(**changes)  # type: ignore[arg-type]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def own(path: Path, **changes: object) -> pd.DataFrame:
    columns = {"columns": {"file": "image"}, "numbers": {"popularity": "views"}}
    table = source(**columns | {"labels": {"source": "set"}} | changes)
    return read_attributes([path], table, IMAGES, name="mine")


def test_a_table_of_ones_own_is_joined_and_what_is_missing_has_no_row(tmp_path: Path) -> None:
    text = (
        "image,views,set\n953619.jpg,1.5,Flickr\ntwo.jpg,,SUN\nfear_0012.jpg,-2,\nother.jpg,1,x\n"
    )
    found = own(written(tmp_path / "a.csv", text))
    store.write(found, tmp_path / "a.parquet", "image_attributes")
    numbers = found[found["kind"] == "number"].set_index("image_id")["number"]
    assert numbers.to_dict() == {"a/953619": 1.5, "fear_0012": -2.0}
    labels = found[found["kind"] == "label"].set_index("image_id")["label"]
    assert labels.to_dict() == {"a/953619": "Flickr", "b/two": "SUN"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("image,views,set\n953619.jpg,many,x\n", "line 2: 'many'"),
        ("image,views,set\n953619.jpg,inf,x\n", "no finite numbers"),
        ("image,views\n953619.jpg,1\n", r"attributes\.mine\.labels"),
        ("image,views,set\n953619.jpg,1,SUN\ntwo.jpg,1,sun\n", "differ only in letter case"),
        ("image,views,set\nnone.jpg,1,SUN\n", "none of 1 rows belongs"),
        ("image,views,set\n953619.jpg,1,x\n953619.jpg,1,x\n", "share an image"),
        ("image,views,set\n", "has no rows"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        own(written(tmp_path / "a.csv", text))


def test_texts_that_are_no_labels_are_refused(tmp_path: Path) -> None:
    images = pd.DataFrame(
        {"image_id": map(str, range(31)), "file": [f"{n}.jpg" for n in range(31)]}
    )
    rows = "".join(f"{n}.jpg,text {n}\n" for n in range(31))
    path = written(tmp_path / "a.csv", f"image,set\n{rows}")
    table = source(columns={"file": "image"}, labels={"source": "set"})
    with pytest.raises(InputError, match="31 different labels"):
        read_attributes([path], table, images, name="mine")


def test_ava_gives_the_mean_vote(tmp_path: Path) -> None:
    votes = [0, 1, 5, 17, 38, 36, 15, 6, 5, 1]
    text = f"1 953619 {' '.join(map(str, votes))} 1 22 1396\n2 7 {'0 ' * 10}0 0 1396\n\n"
    found = read_attributes(
        [written(tmp_path / "AVA.txt", text)], source(format="ava"), IMAGES, name="a"
    )
    (row,) = found.to_dict("records")
    assert (row["attribute"], row["image_id"]) == ("aesthetics", "a/953619")
    assert row["number"] == pytest.approx(np.average(range(1, 11), weights=votes))
    for bad in ("1 953619 1 2\n", "1 953619 " + "x " * 13, "1;953619\n"):
        with pytest.raises(InputError, match="line 1: expected 15 whole numbers"):
            read_attributes(
                [written(tmp_path / "AVA.txt", bad)], source(format="ava"), IMAGES, name="a"
            )


def test_votes_for_emotions_are_shares_and_a_winner(tmp_path: Path) -> None:
    text = f"{EMOTIONS_HEADER}'two.jpg',0,0,1,0,0,0,3,0\n'953619.jpg',2,2,0,0,0,0,0,0\n"
    path = written(tmp_path / "ABSTRACT_groundTruth.csv", text)
    found = read_attributes([path], source(format="emotion_votes"), IMAGES, name="a")
    shares = found[found["kind"] == "number"].set_index(["image_id", "attribute"])["number"]
    assert shares["b/two"].loc[["awe", "fear", "sad"]].tolist() == [0.25, 0.75, 0]
    assert shares.groupby("image_id").sum().tolist() == [1, 1]
    # Two emotions share the first place of the other painting.
    winners = found[found["kind"] == "label"][["image_id", "label"]].to_numpy().tolist()
    assert winners == [["b/two", "fear"]]
    for bad, says in (
        ("image,happy\nx,1\n", "expected a header"),
        (f"{EMOTIONS_HEADER}'two.jpg',1,2\n", "line 2: expected a name and 8 counts"),
        ("", "expected a header"),
    ):
        with pytest.raises(InputError, match=says):
            read_attributes([written(path, bad)], source(format="emotion_votes"), IMAGES, name="a")


def test_names_of_files_say_emotions() -> None:
    found = read_attributes([], source(format="emotion_names"), IMAGES, name="a")
    assert found[["image_id", "label"]].to_numpy().tolist() == [["fear_0012", "fear"]]
    assert "fear" in EMOTIONS
    none = read_attributes([], source(format="emotion_names"), IMAGES[:2], name="a")
    assert none.empty


def test_the_sample_has_attributes(tmp_path: Path) -> None:
    sample = make_sample(tmp_path / "images", images_per_category=4, observers=10, seed=0)
    path = written(tmp_path / "attributes.csv", sample.attributes.to_csv(index=False))
    images = sample.scores.assign(image_id=sample.scores["file"].str.removesuffix(".png"))
    found = read_attributes([path], source(format="sample"), images, name="planted")
    counts = found.groupby("attribute").size().to_dict()
    assert counts == {"source": 20, "popularity": 20, "fixation_consistency": 20, "aesthetics": 17}
    assert set(found.loc[found["kind"] == "label", "label"]) == set(SOURCES)
