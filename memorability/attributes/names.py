"""Names of formats and of the attributes that each brings; no computation."""

from collections.abc import Mapping

SOURCE = "source"
"""The attribute of this name, a label, is what correlations are given."""

NUMBER, LABEL = "number", "label"

EMOTIONS = ("amusement", "anger", "awe", "content", "disgust", "excitement", "fear", "sad")
"""As the sets of Machajdik and Hanbury (2010) write them, in lower case and in their order."""

EMOTION = "emotion"
AESTHETICS = "aesthetics"

BROUGHT: Mapping[str, tuple[str, ...]] = {
    "ava": (AESTHETICS,),
    "emotion_votes": (*EMOTIONS, EMOTION),
    "emotion_names": (EMOTION,),
    "sample": ("source", "popularity", "fixation_consistency", "aesthetics"),
}
"""Format -> its attributes; those of the format `table` are named by the user."""

FILELESS = frozenset({"emotion_names", "sample"})
"""Formats for which the user names no file."""

MOST_LABELS = 30
"""Different labels that one attribute may have: each pair is tested."""
