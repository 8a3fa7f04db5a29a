"""The memory game in a browser: made as a folder, served, and read back into trials and scores."""
