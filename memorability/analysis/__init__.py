"""What is measured of a study's images and models, correlated with memorability and compared."""
