"""Tables as readers see them, one module for each subject."""
