"""What every training of a network does: go on where it was stopped, and stop where it is best."""
