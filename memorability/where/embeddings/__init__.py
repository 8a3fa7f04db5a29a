"""Maps of embeddings: do images with similar scores lie together; and the small VAE."""
