"""The page in the browser: images that are dropped on it, their scores, and maps of these."""
