"""Data sets: each kind yields the same image table."""
