"""What is made with and around the predictor: baselines, other heads, search, evaluation."""
