"""Facts of the published data sets, each stated once."""

from collections.abc import Mapping
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
    """

    kind: str
    label: str
    images: int
    categories: int


DATA_SETS: Mapping[str, DataSet] = {
    data_set.kind: data_set
    for data_set in (
        # Goetschalckx & Wagemans 2019; Khosla, Raju, Torralba & Oliva 2015, whose images have none.
        DataSet(kind="memcat", label="MemCat", images=10_000, categories=5),
        DataSet(kind="lamem", label="LaMem", images=58_741, categories=1),
    )
}

SAMPLE_CATEGORIES = 5
"""Of the sample that comes with this project."""

OTHER_ORIGIN = "other"
"""Of images that were taken from none of the published data sets."""
