"""Data sets, splits and the user's own tables: whatever gives rows per image."""
