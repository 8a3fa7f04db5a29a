"""The pictures of a unit, named once, without loading a network."""

SEGMENTED = 3
"""Images that are segmented, of each unit."""

AVERAGE, DISKS, QUANTILE, PUBLISHED, RECOMMENDED = (
    "average", "disks", "quantile", "published", "recommended",
)  # fmt: skip

KINDS = (AVERAGE, *(DISKS,) * SEGMENTED, *(QUANTILE,) * SEGMENTED, PUBLISHED, RECOMMENDED)
"""Pictures of a unit, in their order."""
