"""Networks that are trained to predict scores from pixels."""
