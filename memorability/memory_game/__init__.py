"""The memory game: its sequences and observers, its scores, and how far these can be trusted."""
