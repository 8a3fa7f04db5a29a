"""What attributions are made of and checked by: images to explain, networks, checks, statistics."""
