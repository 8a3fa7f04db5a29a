"""The columns and words that name a fine-tuned run, in tables and in paths."""

RUN_KEYS = ("protocol", "loss", "lr", "seed")
METRIC_KEYS = ("metric", "backbone", "trained_by", "published", "sign")
"""What an error is measured in.

The loss; the weights of its network (`pretrained`, the name of a file that the study names for it,
`random`, or `none` for a loss without a network); who trained them (empty where nobody did, `unknown`
where that is not known); whether they are those of the published metric (`yes`, `no`, empty without a
network); and whether its `distance` or `one_minus` that distance is reported. All but the loss are
empty of errors made elsewhere, of which they are not known, and where the metric is no loss."""
EXTERNAL = "external"
"""Stands for the protocol of what was made elsewhere: no run of the workflow has it."""
