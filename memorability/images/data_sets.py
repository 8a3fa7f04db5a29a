"""Facts of the published data sets, each stated once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A published data set.

    Parameters
    ----------
    kind
        As configurations have it.
    label
        As readers have it.
    images, categories
        How many it has.
    photographs_of
        Collections that its photographs were taken from. Two data sets that share one may share
        photographs: no list says which.
    """

    kind: str
    label: str
    images: int
    categories: int
    photographs_of: tuple[str, ...]


DATA_SETS: Mapping[str, DataSet] = {
    data_set.kind: data_set
    for data_set in (
        # Goetschalckx & Wagemans 2019; Khosla, Raju, Torralba & Oliva 2015; Isola, Xiao, Torralba &
        # Oliva 2011; Bylinskii et al. 2015; Kramer et al. 2023 on Hebart et al. 2019.
        DataSet(
            kind="memcat",
            label="MemCat",
            images=10_000,
            categories=5,
            photographs_of=("ImageNet", "COCO", "Open Images", "SUN"),
        ),
        DataSet(
            kind="lamem",
            label="LaMem",
            images=58_741,
            categories=1,
            photographs_of=(
                "MIR Flickr", "AVA", "MIT1003", "NUSEF", "affective images", "SUN", "aPascal",
                "abnormal objects",
            ),
        ),
        DataSet(
            kind="sun", label="SUN memorability", images=2_222, categories=1, photographs_of=("SUN",)
        ),
        DataSet(
            kind="figrim", label="FIGRIM", images=630, categories=21, photographs_of=("SUN",)
        ),
        DataSet(
            kind="things", label="THINGS", images=26_107, categories=1, photographs_of=("THINGS",)
        ),
    )
}  # fmt: skip

MIXTURES: Mapping[str, DataSet] = {
    "lamem_memcat": DataSet(
        kind="lamem_memcat",
        label="LaMem and MemCat together",
        images=68_741,
        categories=1,
        photographs_of=(),
    )
}
"""Of published numbers: data sets that were put together, and are no data set of a study."""


def may_share_images(some: Collection[str] | None, others: Collection[str] | None) -> bool:
    """Whether an image may be in both of two sets of images, as far as anybody says.

    Parameters
    ----------
    some, others
        Data sets that the images of each were taken from: keys of `DATA_SETS`, or `OTHER_ORIGIN`; None
        where nobody says.
    """
    if some is None or others is None:
        return True
    if set(some) & set(others):
        return True
    return bool(_collections(some) & _collections(others))


def _collections(kinds: Collection[str]) -> set[str]:
    return {one for kind in kinds if kind in DATA_SETS for one in DATA_SETS[kind].photographs_of}


SAMPLE_CATEGORIES = 5
"""Of the sample that comes with this project."""

OTHER_ORIGIN = "other"
"""Of images that were taken from none of the published data sets."""
