"""Versions of an image, and the differences between them that are tested."""

LOW, MEDIUM_RANDOM, MEDIUM_AVERAGE, HIGH = "low", "medium_random", "medium_average", "high"

VERSIONS = (LOW, MEDIUM_RANDOM, MEDIUM_AVERAGE, HIGH)
"""Detail where the map is low; in a random half; alike everywhere; where the map is high."""

ORIGINAL = "original"

CONTRASTS = (
    (HIGH, LOW),
    (MEDIUM_RANDOM, LOW),
    (HIGH, MEDIUM_RANDOM),
    (MEDIUM_AVERAGE, LOW),
    (HIGH, MEDIUM_AVERAGE),
)
"""The version that is predicted to have the higher score, and the other."""
