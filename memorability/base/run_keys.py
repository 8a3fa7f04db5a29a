"""The columns and words that name a fine-tuned run, in tables and in paths."""

RUN_KEYS = ("protocol", "loss", "lr", "seed")
METRIC_KEYS = ("metric", "backbone", "sign")
"""What an error is measured in: the loss; the weights of its network (`pretrained`, `random`, or `none`
for a loss without a network); and whether its `distance` or `one_minus` that distance is reported.
Backbone and sign are empty where they are not known, as of errors made elsewhere, and where the metric
is no loss."""
EXTERNAL = "external"
"""Stands for the protocol of what was made elsewhere: no run of the workflow has it."""
