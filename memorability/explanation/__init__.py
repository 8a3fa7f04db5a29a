"""Which pixels move a predicted score, and checks of that."""
