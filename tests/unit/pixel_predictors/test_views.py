"""What predictors see of an image: pixels at the places that their publishers took."""

import numpy as np
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms.functional import normalize

from memorability.pixel_predictors.views import centre_crop, squashed, standardised, ten_crops


def places() -> torch.Tensor:
    """Return (1, 1, 256, 256) whose values tell their place: 1,000 × row + column."""
    line = torch.arange(256)
    return (1000 * line[:, None] + line)[None, None]


def test_resmems_view_is_that_of_its_transform() -> None:
    image = Image.effect_mandelbrot((340, 290), (-2, -1.5, 1, 1.5), 100).convert("RGB")
    theirs = transforms.Compose([transforms.Resize((256, 256)), transforms.CenterCrop(227)])(image)
    ours = centre_crop(torch.from_numpy(squashed(image).copy()))
    np.testing.assert_array_equal(ours, np.asarray(theirs).transpose(2, 0, 1))
    assert centre_crop(places())[0, 0, 0, 0] == 14_014


def test_ten_crops_are_the_corners_the_centre_at_15_and_their_mirrors() -> None:
    views = ten_crops(places())
    assert views.shape == (1, 10, 1, 227, 227)
    corners = {0: (0, 0), 1: (29, 0), 2: (0, 29), 3: (29, 29), 4: (15, 15)}
    for number, (top, left) in corners.items():
        crop, mirrored = views[0, number, 0], views[0, number + 5, 0]
        assert crop[0, 0] == 1000 * top + left
        assert crop[226, 226] == 1000 * (top + 226) + left + 226
        assert mirrored[0, 0] == 1000 * top + left + 226
        assert mirrored[226, 226] == 1000 * (top + 226) + left


def test_the_square_ignores_the_aspect() -> None:
    wide = Image.new("RGB", (400, 100), "white")
    wide.paste("black", (0, 0, 200, 100))
    square = squashed(wide)
    assert square.shape == (3, 256, 256)
    assert square.dtype == np.uint8
    assert (square[:, :, :126] == 0).all()
    assert (square[:, :, 130:] == 255).all()


def test_images_are_standardised_as_torchvision_does() -> None:
    images = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    expected = normalize(images, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(standardised(images), expected)
