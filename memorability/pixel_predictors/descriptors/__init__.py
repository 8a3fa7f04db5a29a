"""What described images before networks were trained on memorability, and the regression on it."""
