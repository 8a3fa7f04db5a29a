"""The autoencoder: its architecture, its training, and what is measured of it."""
