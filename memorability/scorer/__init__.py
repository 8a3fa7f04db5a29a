"""What leaves a study: its saved predictor, and scores of any images."""
