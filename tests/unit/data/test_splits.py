"""Splits: shares on every level, and the published split of the real table."""

import hashlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorability.base.errors import InputError
from memorability.data.published.memcat import COLUMNS
from memorability.data.scores import read_scores
from memorability.data.splits import (
    PARTS,
    SplitSettings,
    grouped_split,
    official_split,
    placed_duplicates,
    published_split,
    scored_split,
    stratified_split,
    with_split,
)

MEMCAT = Path(__file__).resolve().parents[4] / "shared" / "reference" / "memcat_image_data.csv"
PUBLISHED = (0.6, 0.1, 0.3)
COUNTS = {"train": 5892, "validation": 931, "test": 3177}


# Stratified


@st.composite
def image_tables(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(1, 120))
    grid = st.integers(0, 10).map(lambda tenth: tenth / 10)  # coarse, so that scores tie
    names = st.sampled_from("pqrstuvwxyz"[: draw(st.integers(1, 11))])  # up to single images
    return pd.DataFrame(
        {
            "image_id": [f"image_{i:03d}" for i in range(n)],
            "category": draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n)),
            "subcategory": draw(st.lists(names, min_size=n, max_size=n)),
            "score": draw(st.lists(grid, min_size=n, max_size=n)),
        }
    )


STRATIFIED = SplitSettings(kind="stratified", number=1, train=0.4, validation=0.2, test=0.4, seed=0)
SHARES = st.sampled_from(
    [PUBLISHED, (0.5, 0.25, 0.25), (0.8, 0.1, 0.1), (1 / 3, 1 / 3, 1 / 3), (0.7, 0.2, 0.1)]
) | st.lists(st.integers(1, 97), min_size=2, max_size=2, unique=True).map(
    lambda cuts: tuple((b - a) / 98 for a, b in pairwise([0, *sorted(cuts), 98]))
)


@settings(max_examples=150, deadline=None)
@given(image_tables(), SHARES, st.integers(0, 5))
def test_every_level_has_its_shares_to_less_than_an_image_in_any_row_order(
    images: pd.DataFrame, fractions: tuple[float, float, float], seed: int
) -> None:
    split = stratified_split(images, fractions=fractions, seed=seed)
    assert split.index.is_unique
    assert list(split.index) == list(images["image_id"])
    assert set(split) <= set(PARTS)
    subcategories = ["category", "subcategory"]
    upper = images["score"] >= images.groupby(subcategories)["score"].transform("median")
    levels = [[], ["category"], subcategories, [*subcategories, "upper"]]
    for level in levels:
        keys = [images.assign(upper=upper)[name] for name in level] or [images["score"] < 2]
        for _, ids in images.groupby(keys)["image_id"]:
            for part, fraction in zip(PARTS, fractions, strict=True):
                off = abs((split[ids] == part).sum() - fraction * len(ids))
                # A whole number of images is kept exactly.
                assert off < 1e-9 or abs(fraction * len(ids) - round(fraction * len(ids))) > 1e-9
                assert off < 1
    shuffled = images.sample(frac=1, random_state=seed)
    again = stratified_split(shuffled, fractions=fractions, seed=seed)
    pd.testing.assert_series_equal(again.sort_index(), split.sort_index())


def balanced_images(n: int = 400) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": np.arange(n),
            "category": np.array(["food", "animal", "sports", "vehicle"])[np.arange(n) % 4],
            "subcategory": "",
            "score": np.random.default_rng(0).random(n),
        }
    )


def test_strata_that_divide_evenly_have_exact_counts() -> None:
    split = stratified_split(balanced_images(), fractions=PUBLISHED, seed=0)
    assert split.value_counts().to_dict() == {"train": 240, "test": 120, "validation": 40}


def test_a_tie_of_remainders_goes_to_the_smaller_part() -> None:
    # 4 images: quotas 2.4, 0.4, 1.2; the one image left over is tied between the first two.
    images = balanced_images(4).assign(category="animal")
    split = stratified_split(images, fractions=PUBLISHED, seed=0)
    assert split.value_counts().to_dict() == {"train": 2, "validation": 1, "test": 1}


def test_subcategories_of_one_image_are_shared_out_among_the_parts() -> None:
    images = balanced_images(100)
    images["subcategory"] = images["image_id"].astype(str)
    split = stratified_split(images, fractions=PUBLISHED, seed=0)
    assert split.value_counts().to_dict() == {"train": 60, "test": 30, "validation": 10}


def test_the_seed_decides_the_split() -> None:
    images = balanced_images()
    first = stratified_split(images, fractions=PUBLISHED, seed=0)
    pd.testing.assert_series_equal(stratified_split(images, fractions=PUBLISHED, seed=0), first)
    assert (stratified_split(images, fractions=PUBLISHED, seed=1) != first).any()


def test_every_image_has_its_chance_of_every_part() -> None:
    # Strata of 1 to 3 images, so that all is rounding.
    images = balanced_images(24).assign(subcategory=np.repeat(["a", "b", "c", "d"], [8, 4, 9, 3]))
    splits = [stratified_split(images, fractions=PUBLISHED, seed=seed) for seed in range(400)]
    found = pd.concat(splits, axis=1)
    assert all((found == part).any(axis=1).all() for part in PARTS)


@pytest.mark.parametrize("fractions", [(0.6, 0.1, 0.2), (0.7, 0.0, 0.3), (1.1, -0.4, 0.3)])
def test_unusable_fractions_are_refused(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="fractions of the split"):
        stratified_split(balanced_images(), fractions=fractions, seed=0)


@pytest.mark.parametrize(
    ("column", "value"),
    [("image_id", 1), ("category", None), ("subcategory", None), ("score", np.nan)],
)
def test_an_unusable_row_is_named(column: str, value: object) -> None:
    text = {"image_id": object, "category": object, "subcategory": object}
    images = balanced_images(8).astype(text)
    images.loc[5, column] = value
    with pytest.raises(ValueError, match=r"1 unusable rows.*image_id (5|1)\."):
        stratified_split(images, fractions=PUBLISHED, seed=0)


@pytest.mark.parametrize("column", ["score", "subcategory"])
def test_a_missing_column_is_named(column: str) -> None:
    with pytest.raises(ValueError, match=rf"lacks \['{column}'\]"):
        stratified_split(balanced_images().drop(columns=column), fractions=PUBLISHED, seed=0)


# Published


def test_the_published_split_wants_every_image() -> None:
    with pytest.raises(InputError, match=r"needs all 10,000 images of MemCat, but 9,999 are"):
        published_split(balanced_images(9999))


def test_the_published_split_wants_the_images_of_memcat() -> None:
    with pytest.raises(InputError, match="another split follows"):
        published_split(balanced_images(10_000))


@pytest.fixture(scope="module")
def memcat() -> pd.DataFrame:
    if not MEMCAT.is_file():
        pytest.skip(f"no scores of MemCat at {MEMCAT}")
    return read_scores(MEMCAT, COLUMNS)


def means(images: pd.DataFrame, split: "pd.Series[str]") -> dict[str, float]:
    found: dict[str, float] = images.set_index("image_id").groupby(split)["score"].mean().to_dict()
    return found


@pytest.mark.real_data
def test_memcat_splits_as_published(memcat: pd.DataFrame) -> None:
    split = published_split(memcat)
    assert split.value_counts().to_dict() == COUNTS
    expected = {"train": 0.6938, "validation": 0.6928, "test": 0.6923}
    assert {part: round(mean, 4) for part, mean in means(memcat, split).items()} == expected
    lines = "".join(sorted(f"{image}\t{part}\n" for image, part in split.items()))
    assert hashlib.sha256(lines.encode()).hexdigest() == (
        "325ec29e8d804ab99993b2581a502f11e3bfaac5f202a14c1119b92d7449f4f7"
    )
    # Whatever pandas keeps the names in.
    of_objects = memcat.assign(image_id=memcat["image_id"].astype(object))
    assert published_split(of_objects).tolist() == split.tolist()
    # Sorted by image_id, as the image table is.
    again = published_split(memcat.sort_values("image_id"))
    pd.testing.assert_series_equal(again, split.sort_index())


@pytest.mark.real_data
def test_the_published_split_is_that_of_the_rows_of_memcats_own_table(
    memcat: pd.DataFrame,
) -> None:
    raw = pd.read_csv(MEMCAT)
    scores = raw["memorability_w_fa_correction"].to_numpy()
    part = np.full(len(raw), "", dtype=object)
    np.random.seed(42)  # noqa: NPY002
    for name in raw["subcategory"].unique():  # no category shares one with another
        for low in (False, True):
            rows = np.flatnonzero(
                (raw["subcategory"] == name) & ((scores < np.median(scores)) == low)
            )
            np.random.shuffle(rows)  # noqa: NPY002
            train = int(0.6 * len(rows))
            validation = train + int(0.25 * (len(rows) - train))
            part[rows[:train]] = "train"
            part[rows[train:validation]] = "validation"
            part[rows[validation:]] = "test"
    assert published_split(memcat).tolist() == part.tolist()


@pytest.mark.real_data
@pytest.mark.parametrize("column", ["image_id", "subcategory", "score"])
def test_a_table_of_memcat_that_was_changed_is_refused(memcat: pd.DataFrame, column: str) -> None:
    changed = memcat.copy()
    changed[column] = changed[column].to_numpy()[::-1]
    with pytest.raises(InputError, match="another split follows"):
        published_split(changed)


@pytest.mark.real_data
def test_the_shares_of_memcat_are_exact_in_every_category(memcat: pd.DataFrame) -> None:
    split = stratified_split(memcat, fractions=PUBLISHED, seed=0)
    table = pd.crosstab(memcat["category"].to_numpy(), split.to_numpy())
    assert (table[list(PARTS)] == [1200, 200, 600]).all(axis=None)
    assert all(abs(mean - 0.6932) < 0.006 for mean in means(memcat, split).values())


# Official


def official(**changes: object) -> pd.DataFrame:
    rows = {
        "official_split": [1, 1, 1, 2, 2, 2],
        "image_id": list("abcabc"),
        "split": ["train", "test", "validation", "test", "train", "validation"],
        "score": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    }
    return pd.DataFrame(rows | changes)


IMAGES = pd.DataFrame({"image_id": ["c", "a", "b"], "score": [0.1, 0.5, 0.9]})


def test_an_official_split_is_taken_as_it_is_with_its_scores_in_the_order_of_the_images() -> None:
    first = official_split(IMAGES, official(), 1)
    assert list(first.index) == ["c", "a", "b"]
    assert list(first["split"]) == ["validation", "train", "test"]
    assert list(first["score"]) == [0.3, 0.1, 0.2]
    assert official_split(IMAGES, official(), 2).loc["a"].to_list() == ["test", 0.4]


def test_an_image_that_was_left_out_leaves_the_others_where_they_are() -> None:
    fewer = official_split(IMAGES.iloc[:2], official(), 2)
    assert fewer["split"].to_dict() == {"a": "test", "c": "validation"}


def test_an_unknown_number_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no split 3 \(known: 1, 2\)"):
        official_split(IMAGES, official(), 3)


def test_an_image_that_the_official_split_does_not_place_is_named() -> None:
    with pytest.raises(InputError, match=r"split 1 does not place 1 of 3 images, for example 'c'"):
        official_split(IMAGES, official(image_id=list("abxabc")), 1)


def test_the_scores_of_an_official_split_go_with_it() -> None:
    images = pd.DataFrame(
        {"image_id": ["b", "a"], "category": "all", "subcategory": "all", "score": [0.5, 0.25]}
    )
    official = pd.DataFrame(
        {
            "official_split": 2, "image_id": ["a", "b"], "split": ["train", "test"],
            "score": [0.75, 1.0],
        }
    )  # fmt: skip
    table = scored_split(images, replace(STRATIFIED, kind="official", number=2), official)
    assert table.to_dict("list") == {
        "image_id": ["b", "a"], "split": ["test", "train"], "score": [1.0, 0.75],
    }  # fmt: skip
    assert scored_split(images, STRATIFIED)["score"].tolist() == [0.5, 0.25]


def test_the_image_table_gets_the_parts_of_the_split_by_name_and_keeps_its_scores() -> None:
    images = pd.DataFrame({"image_id": ["a", "b"], "score": [0.5, 0.25]})
    split = pd.DataFrame({"image_id": ["c", "b", "a"], "split": [*PARTS], "score": [1.0, 1.0, 1.0]})
    found = with_split(images, split)
    assert found["split"].tolist() == ["test", "validation"]
    pd.testing.assert_frame_equal(found[["image_id", "score"]], images)
    with pytest.raises(ValueError, match=r"does not place 1 of 2 images, for example 'a'"):
        with_split(images, split[split["image_id"] != "a"])


def test_near_duplicates_come_into_one_part_and_the_shares_stay_near() -> None:
    stream = np.random.default_rng(4)
    images = pd.DataFrame(
        {
            "image_id": [f"i{row:03d}" for row in range(300)],
            "category": np.repeat(["a", "b", "c"], 100),
            "subcategory": np.tile(np.repeat(["x", "y"], 50), 3),
            "score": stream.uniform(size=300),
        }
    )
    ends = np.stack([stream.permutation(300)[:40], stream.permutation(300)[:40]])
    ends = ends[:, ends[0] != ends[1]]
    pairs = pd.DataFrame({"image_id": "i", "other_image_id": "i"}, index=range(ends.shape[1]))
    pairs["image_id"], pairs["other_image_id"] = ([f"i{row:03d}" for row in end] for end in ends)
    split = grouped_split(images, pairs, fractions=(0.6, 0.1, 0.3), seed=0)
    assert (split[pairs["image_id"]].to_numpy() == split[pairs["other_image_id"]].to_numpy()).all()
    shares = split.value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.6, abs=0.05)
    shuffled = images.sample(frac=1, random_state=1)
    again = grouped_split(shuffled, pairs, fractions=(0.6, 0.1, 0.3), seed=0)
    assert again.index.tolist() == shuffled["image_id"].tolist()
    assert again.loc[split.index].equals(split)
    alone = grouped_split(images, pairs.iloc[:0], fractions=(0.6, 0.1, 0.3), seed=0)
    expected = stratified_split(images, fractions=(0.6, 0.1, 0.3), seed=0)
    pd.testing.assert_series_equal(alone, expected)


def test_a_pair_is_placed_with_category_and_part_and_one_left_out_is_not() -> None:
    pairs = pd.DataFrame(
        {"image_id": ["a", "a"], "other_image_id": ["b", "gone"], "distance": 4, "mirrored": False}
    )
    images = pd.DataFrame({"image_id": ["a", "b"], "category": ["food", "animal"]})
    split = pd.DataFrame({"image_id": ["b", "a"], "split": ["test", "train"]})
    placed = placed_duplicates(pairs, images, split)
    row = placed.iloc[0]
    assert len(placed) == 1
    assert (row["category"], row["other_category"]) == ("food", "animal")
    assert (row["split"], row["other_split"], row["straddles"]) == ("train", "test", True)
