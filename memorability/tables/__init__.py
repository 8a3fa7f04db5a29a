"""The tables of a study: what they hold, how they are read and written."""
