"""Where in an image its predicted memorability lies: ablations, maps, units, and the map of latents."""
