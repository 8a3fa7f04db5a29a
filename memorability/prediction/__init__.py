"""What is made with and around the predictor: heads, baselines, search, evaluation."""
