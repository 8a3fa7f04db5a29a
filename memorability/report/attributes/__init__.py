"""Attributes and sources for readers: pages and figures."""
