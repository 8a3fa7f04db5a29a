"""What a study's paper says of its methods, and what it must cite."""
