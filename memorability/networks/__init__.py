"""Losses, backbones and their weights, and how networks compute."""
