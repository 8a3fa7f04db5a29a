"""Owns the sentences and tables for readers on one subject each."""
