"""A study: its configuration, protocols, runs and paths."""
