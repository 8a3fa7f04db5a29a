"""Paired timings of this workflow against straightforward implementations; see RESULTS.md."""
