"""Figures, pages and sentences on where in an image its predicted memorability lies."""
