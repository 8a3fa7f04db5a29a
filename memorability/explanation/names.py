"""Names that the tables about attributions share."""

SUMMARIES = ("mean_absolute", "mean_signed", "mean_positive")
"""Of the attributions of an image."""

MAP_MEASURES = ("map_absolute", "map_signed", "map_ssim")
"""Likeness of two maps of an image: Spearman over pixels of the sums over channels of absolute or of
signed attributions, and SSIM of the absolute ones, each map over its largest value."""

TRAINED = "trained"
"""The network that is explained, beside those with random weights."""

MODES = ("deletion", "insertion")
REFERENCES = ("difference", "edges")
"""Maps that know nothing of the network: how far the image is from the baseline, and its edges."""

ORDERS = ("attribution", "random", *REFERENCES)
