"""Words and tables for readers."""
