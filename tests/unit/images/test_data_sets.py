"""Facts of data sets, against the published numbers about them."""

from memorability.claims.published import load_published
from memorability.data.published.memcat import CATEGORIES
from memorability.images.data_sets import DATA_SETS


def test_the_number_of_images_is_the_published_one() -> None:
    counted = {
        claim.dataset: claim.value for claim in load_published() if claim.quantity == "images"
    }
    assert counted
    for kind, images in counted.items():
        assert DATA_SETS[kind].images == images


def test_the_categories_of_memcat_are_those_that_its_archive_is_told_by() -> None:
    assert DATA_SETS["memcat"].categories == len(CATEGORIES)
