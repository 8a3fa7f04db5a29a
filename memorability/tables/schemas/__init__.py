"""The columns of every table, and the order of its rows."""
