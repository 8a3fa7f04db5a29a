"""The predictors, one module each, and their training."""
