"""Attributes of images that users bring, as popularity or source, beside memorability."""
