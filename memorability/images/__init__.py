"""Images: files, decoding, and the store of prepared pixels."""
