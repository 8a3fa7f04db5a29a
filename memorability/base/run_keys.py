"""The columns and words that name a fine-tuned run, in tables and in paths."""

RUN_KEYS = ("protocol", "loss", "lr", "seed")
EXTERNAL = "external"
"""Stands for the protocol of what was made elsewhere: no run of the workflow has it."""
