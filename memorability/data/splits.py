"""Splits of a data set into training, validation and test images."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd

from memorability.base.errors import InputError
from memorability.base.seeding import numpy_stream
from memorability.images.data_sets import DATA_SETS
from memorability.images.near_duplicates import duplicate_groups

PARTS = ("train", "validation", "test")
MEMCAT = DATA_SETS["memcat"]
# Of the lines "image_id<tab>part" of the published split, sorted, each ending in a line feed.
PUBLISHED_SHA256 = "325ec29e8d804ab99993b2581a502f11e3bfaac5f202a14c1119b92d7449f4f7"
_REMEDY = (
    "Put MemCat back in place (docs/data.md; tables/rejected.tsv lists images left out), or split by "
    "other shares: prediction: {split: {kind: stratified}}."
)

Shares = tuple[Fraction, Fraction, Fraction]
Counts = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitSettings:
    """How images are split into training, validation and test.

    Parameters
    ----------
    kind
        `published`: as in the paper. `official`: a split of the data set. `file`: the user's own.
        `stratified`: by chance within strata, see `stratified_split`.
    number
        Of an official split, from 1.
    train, validation, test
        Shares of a stratified split, within (0, 1), 1 together.
    seed
        Of a stratified split, at least 0.
    """

    kind: Literal["published", "official", "file", "stratified"]
    number: int
    train: float
    validation: float
    test: float
    seed: int


def split_images(
    images: pd.DataFrame,
    settings: SplitSettings,
    official_splits: pd.DataFrame | None = None,
    near_duplicates: pd.DataFrame | None = None,
) -> "pd.Series[str]":
    """Assign every image to training, validation or test as a study's settings say.

    Parameters
    ----------
    images
        The image table.
    settings
        How.
    official_splits
        The table `official_splits`, for a split of that kind and no other.
    near_duplicates
        The table `near_duplicate_pairs`, for a stratified split that keeps them together.

    Returns
    -------
    pandas.Series
        As from `stratified_split`.
    """
    if settings.kind == "published":
        return published_split(images)
    if official_splits is not None:
        return official_split(images, official_splits, settings.number)["split"]
    fractions = (settings.train, settings.validation, settings.test)
    if near_duplicates is not None:
        return grouped_split(images, near_duplicates, fractions=fractions, seed=settings.seed)
    return stratified_split(images, fractions=fractions, seed=settings.seed)


def scored_split(
    images: pd.DataFrame,
    settings: SplitSettings,
    official_splits: pd.DataFrame | None = None,
    near_duplicates: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the table `split`: part and score of every image, in the row order of `images`.

    The scores are those of an official split where there is one, for they go with it.
    """
    split = split_images(images, settings, official_splits, near_duplicates)
    scores = images["score"].to_numpy()
    if official_splits is not None:
        official = official_split(images, official_splits, settings.number)
        scores = official["score"].to_numpy()
    return images[["image_id"]].assign(split=split.to_numpy(), score=scores)


def with_split(images: pd.DataFrame, split: pd.DataFrame | None) -> pd.DataFrame:
    """Return the image table with the column split: the part of every image, from the table `split`.

    Without such a table, as for runs that are trained on all images, the image table stays as it is.

    Raises
    ------
    ValueError
        If the split does not place an image.
    """
    if split is None:
        return images
    parts = images["image_id"].map(split.set_index("image_id")["split"])
    unplaced = images["image_id"][parts.isna()]
    if len(unplaced):
        raise ValueError(
            f"The split does not place {len(unplaced)} of {len(images)} images, for example "
            f"{unplaced.iloc[0]!r}. Expected a part for every image. Make both tables from one study."
        )
    return images.assign(split=parts)


def stratified_split(
    images: pd.DataFrame, *, fractions: tuple[float, float, float], seed: int
) -> "pd.Series[str]":
    """Assign every image to training, validation or test, by chance within strata.

    A stratum is a category, subcategory and score half: at or above the median score of the
    category's subcategory, or below it. What cannot be divided within a stratum is carried to the
    next, so that the shares come out right however small the strata are: in every stratum, every
    subcategory of a category, every category and the whole, each part has its share of the images,
    rounded down or up to a whole image. In the whole, the images that rounding down leaves over go
    to the parts of largest remainder; a tie goes to the smaller part, which would otherwise starve.

    Parameters
    ----------
    images
        One row per image, in any order: image_id (unique), category, subcategory, score (finite).
    fractions
        Shares of training, validation and test, each positive, summing to 1.
    seed
        Seed of the study.

    Returns
    -------
    pandas.Series
        "train", "validation" or "test", named "split", indexed by image_id in the row order of
        `images`. The assignment itself does not depend on that order.

    Raises
    ------
    ValueError
        If a column, an id, a category, a subcategory, a score or the fractions are unusable.

    Notes
    -----
    Source: the strata are those of the published study's split (see `published_split`), but for the
    median, which there is that of all images. The rounding is ours. A group is divided into its
    first subgroup and the rest, the rest likewise, and so on. The group's counts being its shares
    rounded down or up, both can always be so: with three parts and a given total, the counts that
    two such roundings can add up to are limited by one interval per part alone, whose whole-number
    ends lie around the share of the group.
    """
    check_images(images, ("category", "subcategory"))
    if min(fractions) <= 0 or not math.isclose(sum(fractions), 1, abs_tol=1e-9):
        raise ValueError(
            f"The fractions of the split are {fractions}. Expected three positive shares, of "
            "train, validation and test, that sum to 1. Correct the fractions."
        )
    # Fractions of whole numbers: a share of 0.1 * 30 is 3, neither more nor less.
    train, validation = (Fraction(share).limit_denominator(10**6) for share in fractions[:2])
    shares = (train, validation, 1 - train - validation)
    ordered = images.sort_values("image_id").set_index("image_id")
    group = ordered.groupby(["category", "subcategory"], observed=True)
    median = group["score"].transform("median")
    strata = ordered[["category", "subcategory"]].assign(upper=ordered["score"] >= median)
    generator = numpy_stream(seed, "prediction split")
    split = pd.Series("", index=ordered.index, name="split", dtype=str)
    counts = _nearest(_roundings(len(strata), shares), len(strata), shares)
    for stratum, own in _apportion(strata, list(strata.columns), counts, shares, generator):
        split.loc[generator.permutation(stratum.index.to_numpy())] = np.repeat(PARTS, own)
    return split.loc[images["image_id"]]


def grouped_split(
    images: pd.DataFrame,
    near_duplicates: pd.DataFrame,
    *,
    fractions: tuple[float, float, float],
    seed: int,
) -> "pd.Series[str]":
    """Assign every image to a part by chance within strata, near duplicates to the same part.

    The first image of each group, by image_id, is assigned as by `stratified_split`, and the others
    follow it. The shares are those of groups: of images they differ by the sizes of the groups.

    Parameters
    ----------
    images, fractions, seed
        See `stratified_split`.
    near_duplicates
        The table `near_duplicate_pairs`. Images that a chain of pairs connects are one group.

    Returns
    -------
    pandas.Series
        As from `stratified_split`.
    """
    ordered = images.sort_values("image_id", ignore_index=True)
    group = duplicate_groups(ordered["image_id"], near_duplicates)
    first = pd.Series(group).drop_duplicates()
    parts = stratified_split(ordered.iloc[first.index], fractions=fractions, seed=seed)
    part_of_group = dict(zip(first, parts, strict=True))
    ids = pd.Index(ordered["image_id"])
    split = pd.Series([part_of_group[one] for one in group], ids, name="split", dtype="str")
    return split.loc[images["image_id"]]


def placed_duplicates(
    pairs: pd.DataFrame, images: pd.DataFrame, split: pd.DataFrame
) -> pd.DataFrame:
    """Return the table `near_duplicates`: pairs of a study's images with category and part of each.

    Parameters
    ----------
    pairs, images, split
        The tables `near_duplicate_pairs`, `images` and `split`. Pairs with an image that the study
        leaves out are left out.
    """
    known = images.set_index("image_id")[["category"]].join(split.set_index("image_id")["split"])
    kept = pairs[pairs[["image_id", "other_image_id"]].isin(known.index).all(axis=1)]
    first, second = (known.loc[kept[name]] for name in ("image_id", "other_image_id"))
    return kept.assign(
        category=first["category"].to_numpy(),
        other_category=second["category"].to_numpy(),
        split=first["split"].to_numpy(),
        other_split=second["split"].to_numpy(),
        straddles=first["split"].to_numpy() != second["split"].to_numpy(),
    )


def _apportion(
    group: pd.DataFrame,
    columns: Sequence[str],
    counts: Counts,
    shares: Shares,
    generator: np.random.Generator,
) -> Iterator[tuple[pd.DataFrame, Counts]]:
    """Yield every stratum of a group with its counts, which add up to those of the group."""
    if not columns:
        yield group, counts
        return
    subgroups = [subgroup for _, subgroup in group.groupby(columns[0], observed=True)]
    rest = len(group)
    # In random order, lest the first names always lend and the last always repay.
    for place in generator.permutation(len(subgroups)):
        size = len(subgroups[place])
        rest -= size
        possible = _roundings(rest, shares)
        fitting = [own for own in _roundings(size, shares) if _less(counts, own) in possible]
        own = _nearest(fitting, size, shares)
        counts = _less(counts, own)
        yield from _apportion(subgroups[place], columns[1:], own, shares, generator)


def _less(counts: Counts, own: Counts) -> Counts:
    return (counts[0] - own[0], counts[1] - own[1], counts[2] - own[2])


def _roundings(total: int, shares: Shares) -> list[Counts]:
    """Return all counts of sum `total` that are the shares of it, each rounded down or up."""
    train, validation, test = (
        sorted({math.floor(share * total), math.ceil(share * total)}) for share in shares
    )
    return [counts for counts in product(train, validation, test) if sum(counts) == total]


def _nearest(candidates: Sequence[Counts], total: int, shares: Shares) -> Counts:
    """Return the counts nearest to the shares; of equally near ones, the fewest for large parts."""

    def key(counts: Counts) -> tuple[Fraction, list[int]]:
        distance = sum((n - share * total) ** 2 for n, share in zip(counts, shares, strict=True))
        largest_first = sorted(range(3), key=lambda part: -shares[part])
        return Fraction(distance), [counts[part] for part in largest_first]

    return min(candidates, key=key)


def published_split(images: pd.DataFrame) -> "pd.Series[str]":
    """Return the published split of MemCat: 5,892 training, 931 validation and 3,177 test images.

    Numpy's legacy generator, seeded once with 42, shuffles the images of every stratum in the order
    of MemCat's table. Of n images the first ⌊0.6 n⌋ are for training, of the m that remain the
    first ⌊m / 4⌋ for validation, and the others for test. A stratum is a category, subcategory and
    score half: at or above the median of all 10,000 scores first, then below it.

    Parameters
    ----------
    images
        All 10,000 images of MemCat, in any order: image_id, category, subcategory, score. The order
        of MemCat's table is restored: by category, subcategory without regard to case, and name.

    Returns
    -------
    pandas.Series
        "train", "validation" or "test", named "split", indexed by image_id in the row order of
        `images`.

    Raises
    ------
    InputError
        If the images are not the 10,000 of MemCat with their categories and scores.

    Notes
    -----
    Source: "Memorability prediction using autoencoder latent space representations" gives the
    counts and a mean score near 0.693; that the split is seeded with 42 and takes 60, 10 and 30 %
    within category, subcategory and score half is from the authors' scripts. The rest is inferred,
    not copied. Of the medians and rules of rounding that we tried, only the median of all images
    with this rule gives the counts. Of the 426 assignments that then follow from the orders of
    strata, halves and parts and the kinds of draw that we tried, this one alone, from the plainest
    procedure, has the mean scores of the scripts' split, 0.6938, 0.6928 and 0.6923. That does not
    prove the assignment image by image: one random assignment in about 2,000 has these means too.
    """
    check_images(images, ("category", "subcategory"))
    if len(images) != MEMCAT.images:
        raise InputError(
            f"prediction.split.kind: published needs all {MEMCAT.images:,} images of MemCat, but "
            f"{len(images):,} are in the study: one image less shuffles all others differently. "
            f"{_REMEDY}"
        )
    ordered = images.assign(folded=images["subcategory"].str.lower())
    ordered = ordered.sort_values(["category", "folded", "image_id"]).set_index("image_id")
    upper = ordered["score"] >= ordered["score"].median()
    generator = np.random.RandomState(42)  # the published stream of numbers
    split = pd.Series("", index=ordered.index, name="split", dtype=str)
    for _, group in ordered.groupby(["category", "folded"], sort=False, observed=True):
        for half in (True, False):
            ids = generator.permutation(group.index[upper[group.index] == half].to_numpy(copy=True))
            train = len(ids) * 6 // 10
            validation = (len(ids) - train) // 4
            test = len(ids) - train - validation
            split.loc[ids] = np.repeat(PARTS, (train, validation, test))
    lines = sorted(f"{image}\t{part}\n" for image, part in split.items())
    if hashlib.sha256("".join(lines).encode()).hexdigest() != PUBLISHED_SHA256:
        raise InputError(
            f"prediction.split.kind: published needs MemCat's own images, categories and scores, "
            f"but from these {MEMCAT.images:,} images another split follows: some were renamed, "
            f"relabelled or scored anew. {_REMEDY}"
        )
    return split.loc[images["image_id"]]


def official_split(images: pd.DataFrame, official: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return one of the splits that a data set was published with, and the scores that go with it.

    Parameters
    ----------
    images
        One row per image, in any order: image_id (unique), score (finite).
    official
        The table `official_splits`.
    number
        Which of them, counted from 1.

    Returns
    -------
    pandas.DataFrame
        split ("train", "validation" or "test") and score (0-1), indexed by image_id in the row
        order of `images`. The scores are the split's own: those of LaMem's training images come
        from one half of the observers, those of its test images from the other (Khosla et al.
        2015, section 4.1).

    Raises
    ------
    InputError
        If there is no such split, or it does not place every image.
    """
    check_images(images, ())
    chosen = official[official["official_split"] == number].set_index("image_id")
    if chosen.empty:
        known = ", ".join(map(str, sorted(official["official_split"].unique())))
        raise InputError(
            f"prediction.split.number: the data set has no split {number} (known: {known}). Choose "
            "one of these."
        )
    split = chosen[["split", "score"]].reindex(images["image_id"])
    unplaced = split.index[split["split"].isna()]
    if len(unplaced):
        raise InputError(
            f"prediction.split.kind: official: split {number} does not place {len(unplaced)} of "
            f"{len(images)} images, for example {unplaced[0]!r}. Unpack the data set again, or use "
            "split.kind: stratified."
        )
    return split


def check_images(images: pd.DataFrame, labels: Sequence[str]) -> None:
    """Refuse a table of images without unique ids, the columns `labels`, or finite scores.

    Raises
    ------
    ValueError
        Naming the missing columns, or the first unusable row.
    """
    columns = ["image_id", *labels, "score"]
    missing = set(columns) - set(images.columns)
    if missing:
        raise ValueError(
            f"The table of images lacks {sorted(missing)}. Expected the columns "
            f"{', '.join(columns)}. Add the missing columns."
        )
    bad = (
        images["image_id"].duplicated()
        | images[["image_id", *labels]].isna().any(axis=1)
        | ~np.isfinite(images["score"].to_numpy(dtype=np.float64))
    )
    if bad.any():
        raise ValueError(
            f"The table of images has {int(bad.sum())} unusable rows, the first of image_id "
            f"{images.loc[bad, 'image_id'].iloc[0]!r}. Expected a unique image_id, "
            f"{' and '.join(labels)} and a finite score in every row. Correct or drop those rows."
        )
