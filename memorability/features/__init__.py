"""Image features, each a pure function of one RGB image."""
