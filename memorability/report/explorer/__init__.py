"""The page on which a reader looks for images: their numbers, their pictures, their neighbours."""
