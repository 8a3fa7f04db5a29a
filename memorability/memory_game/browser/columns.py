"""Columns of the tables that `python -m memorability game score` writes."""

from collections.abc import Mapping

TRIALS = (
    "observer", "file", "category", "subcategory", "role", "position", "repeat", "delay", "response",
    "key", "reaction_ms", "shown_ms", "late_ms", "dropped_frames",
)  # fmt: skip
"""Columns of the trials of a game."""
OBSERVERS = (
    "observer", "sequence", "end", "showings", "left_out", "vigilance_repeats", "misses",
    "false_alarm_share", "late_showings", "dropped_frames", "excluded", "reason",
)  # fmt: skip
"""Columns of the observers of a game."""
FOR_STUDIES = (
    "observer", "file", "category", "subcategory", "role", "position", "repeat", "delay", "response",
)  # fmt: skip
"""Of the trials, those that a study reads."""

DESCRIBED: Mapping[str, str] = {
    "observer": "random identifier of a person in one game",
    "sequence": "number of the sequence that the observer was given",
    "end": "how the game ended",
    "showings": "showings that were stored",
    "left_out": "showings of images that are left out, since one of them was interrupted or missing",
    "vigilance_repeats": "vigilance images that were shown again",
    "misses": "vigilance repeats at which no key was pressed",
    "false_alarm_share": "share of first showings at which a key was pressed, 0-1",
    "late_showings": "showings that began more than a sixtieth of a second later than planned",
    "dropped_frames": "frames of the screen that were missing while an image was shown",
    "excluded": "whether the observer is left out of the scores",
    "reason": "why the observer is excluded",
    "file": "image file",
    "category": "category of the image",
    "subcategory": "subcategory of the image",
    "role": "target, filler or vigilance",
    "position": "place of the showing in the game, from 0",
    "repeat": "whether the image had been shown before",
    "delay": "showings between the two showings of the image",
    "response": "whether the observer pressed the key",
    "key": "what was pressed",
    "reaction_ms": "time of the press since the image appeared, in milliseconds",
    "shown_ms": "how long the image was shown, in milliseconds",
    "late_ms": "how much later than planned the image appeared, in milliseconds",
    "hits": "repeats that were recognised",
    "false_alarms": "first showings that were taken for repeats",
    "responses": "repeats that were shown",
    "score": "(hits - false alarms) / responses, -1 to 1",
    "score_uncorrected": "hits / responses, 0-1",
    "false_alarm_rate": "false alarms / responses, 0-1",
    "d_prime": "z(hits) - z(false alarms), with half a response added to each",
    "criterion": "-(z(hits) + z(false alarms)) / 2",
    "score_at_100": "hit rate at a delay of 100 showings, by least squares over all responses",
    "splitting": "how responses were divided in halves",
    "correction": "how delays were corrected",
    "all_responses": "whether all responses of an image were used",
    "n": "images",
    "consistency": "rank correlation of two halves, mean over splits",
    "consistency_sd": "its standard deviation over splits",
    "predicted": "consistency that the largest number of responses predicts by Spearman and Brown",
    "full_length": "reliability of the scores from all responses",
    "target": "which score",
    "group": "which images",
    "method": "how correlated",
    "divisions": "random halvings",
    "ceiling": "highest rank correlation with the scores that a perfect predictor could reach",
    "ceiling_low": "lower end of its 95 % interval for new images",
    "ceiling_high": "upper end of its 95 % interval for new images",
    "unit": "what was resampled",
    "ceiling_by": "from halves of the responses, or simulated from a model",
}
"""Column of any of the tables -> what it holds."""
