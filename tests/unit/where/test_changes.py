"""Changes of images and their controls."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

from memorability.base.seeding import numpy_stream
from memorability.where import changes
from memorability.where.names import WHOLE

IMAGE = data.astronaut()[:96, 180:308]


def test_a_working_copy_keeps_its_aspect_and_is_never_enlarged() -> None:
    large = Image.fromarray(data.astronaut()[:300])
    assert changes.working_copy(large).shape == (256, round(512 * 256 / 300), 3)
    small = Image.fromarray(IMAGE)
    assert np.array_equal(changes.working_copy(small), IMAGE)
    thin = Image.new("RGB", (1, 4000))
    assert changes.working_copy(thin).shape == (4000, 1, 3)


def test_every_ablation_of_the_whole_image_is_made_of_an_image_of_one_pixel_too() -> None:
    for image in (IMAGE, IMAGE[:1, :1], IMAGE[:3, :70]):
        made = changes.whole_changes(image, numpy_stream(0, "tiles"))
        assert list(made) == list(WHOLE)
        for name, changed in made.items():
            assert changed.dtype == np.uint8, name
            assert changed.shape == image.shape or name == "central_crop", name


def test_blur_is_gaussian_and_detail_is_what_it_takes_away() -> None:
    ours = changes.blurred(IMAGE, 5).astype(float)[25:-25, 25:-25]
    exact = gaussian_filter(IMAGE.astype(float), (5, 5, 0))[25:-25, 25:-25]
    # Pillow takes three box blurs.
    assert np.abs(ours - exact).max() < 6
    detail = changes.detail_alone(IMAGE, 5).astype(int)
    back = detail - 128 + changes.blurred(IMAGE, 5)
    inside = (detail > 0) & (detail < 255)
    assert np.array_equal(back[inside], IMAGE[inside])


def test_colour_is_taken_out_by_degrees_and_the_luma_stays() -> None:
    luma = np.rint(IMAGE @ np.array([0.299, 0.587, 0.114]))
    grey = changes.desaturated(IMAGE, 1.0)
    assert np.array_equal(grey, np.repeat(luma[..., None], 3, axis=2))
    made = [changes.desaturated(IMAGE, share).astype(int) for share in (0, 0.25, 0.5, 1)]
    spread = [float(np.ptp(one, axis=2).mean()) for one in made]
    assert spread[1:3] == pytest.approx([0.75 * spread[0], 0.5 * spread[0]], rel=0.02)
    assert spread[3] == 0


def test_flattening_takes_texture_and_keeps_an_edge() -> None:
    step = np.full((64, 64, 3), 60.0)
    step[:, 32:] = 190
    stream = numpy_stream(0, "texture")
    rough = np.clip(step + stream.normal(0, 12, step.shape), 0, 255).astype(np.uint8)
    flat = changes.flattened(rough, WHOLE["flattened"].amount).astype(float)
    assert flat[:, 5:27].std() < rough[:, 5:27].std() / 4
    assert flat[:, 40:].mean() - flat[:, :24].mean() > 100


def test_shuffled_tiles_are_the_same_tiles() -> None:
    mixed = changes.shuffled(IMAGE, 8, numpy_stream(0, "tiles"))
    assert not np.array_equal(mixed, IMAGE)
    assert np.array_equal(np.sort(mixed, axis=None), np.sort(IMAGE, axis=None))


def test_a_crop_is_half_as_wide_and_lies_where_it_should() -> None:
    middle = changes.crop(IMAGE, 0.5)
    assert np.array_equal(middle, IMAGE[24:72, 32:96])
    assert np.array_equal(changes.crop(IMAGE, 0.5, (0.0, 1.0)), IMAGE[:48, 64:])


def test_noise_changes_pixels_as_much_as_it_is_asked_to() -> None:
    noise = numpy_stream(0, "noise").standard_normal(IMAGE.shape)
    for square in (1e-4, 0.003, 0.05):
        noisy = changes.with_noise(IMAGE, square, noise)
        assert changes.mean_square(IMAGE, noisy) == pytest.approx(square, rel=0.01)
    assert np.array_equal(changes.with_noise(IMAGE, 0, noise), IMAGE)
    # A black image can be no further from itself than a white one.
    black = np.zeros_like(IMAGE)
    assert changes.mean_square(black, changes.with_noise(black, 0.9, noise)) < 0.6


def test_controls_leave_the_image_as_it_is() -> None:
    made = changes.control_changes(IMAGE, 75)
    assert np.array_equal(made["mirrored"][:, ::-1], IMAGE)
    assert 0 < changes.mean_square(IMAGE, made["reencoded"]) < 0.002
