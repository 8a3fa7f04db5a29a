"""Features of images, each a pure function of one RGB image or of what a network finds in it."""
