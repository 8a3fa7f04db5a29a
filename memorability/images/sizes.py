"""The side of prepared images, and the ways to resize to it."""

from typing import Literal

Resize = Literal["squash", "center_crop"]
SIDE = 224  # pixels of prepared images; "All the images were resized to 224x224 pixels" (Methods)
