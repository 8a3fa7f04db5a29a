"""The sample's crops, and whether what was planted in its observers can be found again."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage.data
import yaml
from PIL import Image
from scipy import stats
from skimage.color import rgb2hsv

from memorability.data.sample import (
    CROP_SIDES,
    MEAN_MEMORABILITY,
    PHOTOGRAPHS,
    PLANTED_CATEGORY_OFFSETS,
    PLANTED_EFFECTS,
    PLANTED_NOISE,
    make_sample,
)
from memorability.data.scores import read_scores
from memorability.features.color import saturation
from memorability.features.texture import clutter_score
from memorability.networks.catalogue import minimum_side
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store
from tests.correlated import correlate

Sample = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
PER_CATEGORY = 16
ROOT = Path(__file__).parents[3]
CATEGORIES = ["animal", "food", "landscape", "sports", "vehicle"]


def small(directory: Path, seed: int = 3) -> Sample:
    return make_sample(directory, images_per_category=2, observers=5, seed=seed)


def contents(directory: Path) -> Mapping[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def sample(directory: Path) -> Sample:
    """So many observers that their scores hardly differ from what was planted."""
    return make_sample(directory, images_per_category=PER_CATEGORY, observers=800, seed=1)


def coefficients(sample: Sample, outcome: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Least squares of an outcome on category and standardised properties, and standard errors."""
    planted = sample[2]
    properties = planted[[*PLANTED_EFFECTS]]
    category = planted["image_id"].str.split("/").str[0]
    design = pd.concat(
        [(properties - properties.mean()) / properties.std(ddof=0), pd.get_dummies(category)],
        axis=1,
    ).astype(float)
    solution, residual, _, _ = np.linalg.lstsq(design, outcome, rcond=None)
    variance = residual[0] / (len(design) - design.shape[1])
    errors = np.sqrt(variance * np.linalg.inv(design.T @ design).diagonal())
    return pd.Series(solution, design.columns), pd.Series(errors, design.columns)


def test_the_same_seed_gives_the_same_sample_to_the_last_bit(tmp_path: Path) -> None:
    for first, second in zip(small(tmp_path / "a"), small(tmp_path / "b"), strict=True):
        pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_another_seed_gives_other_crops_other_truth_and_other_responses(tmp_path: Path) -> None:
    _, first_trials, first = small(tmp_path / "a")
    _, second_trials, second = small(tmp_path / "b", seed=4)
    assert set(contents(tmp_path / "a")) == set(contents(tmp_path / "b"))
    assert not set(contents(tmp_path / "a").values()) & set(contents(tmp_path / "b").values())
    assert not (first["memorability"] == second["memorability"]).any()
    assert not first_trials["response"].equals(second_trials["response"])


def test_every_category_has_as_many_crops_as_asked_for(sample: Sample, directory: Path) -> None:
    scores, trials, planted = sample
    assert scores["category"].value_counts().to_dict() == dict.fromkeys(CATEGORIES, PER_CATEGORY)
    assert set(scores["file"]) == set(contents(directory))
    assert len(planted) == 5 * PER_CATEGORY
    assert set(trials["image_id"]) >= set(planted["image_id"])
    for category, photographs in PHOTOGRAPHS.items():
        own = scores[scores["category"] == category]
        assert own["file"].str.startswith(f"{category}/").all()
        assert set(own["subcategory"]) == set(photographs)


def test_crops_are_square_differ_and_are_large_enough_for_every_loss(
    sample: Sample, directory: Path
) -> None:
    sides = []
    for file in sample[0]["file"]:
        with Image.open(directory / file) as crop:
            assert crop.mode == "RGB"
            assert crop.width == crop.height
            sides.append(crop.width)
    assert min(sides) >= max(161, minimum_side(["ms_ssim"]))
    assert min(sides) >= CROP_SIDES[0]
    assert max(sides) <= CROP_SIDES[1]
    assert len(set(sides)) > 10
    assert len(set(contents(directory).values())) == len(sides)


def test_a_crop_is_a_piece_of_its_photograph_perhaps_mirrored(tmp_path: Path) -> None:
    small(tmp_path)
    photograph = np.asarray(Image.open(Path(skimage.data.__file__).parent / "chelsea.png"))
    for path in (tmp_path / "animal" / "chelsea").iterdir():
        crop = np.asarray(Image.open(path))
        side = len(crop)
        for piece in (crop, crop[:, ::-1]):
            corner = (photograph == piece[0, 0]).all(axis=-1)
            tops, lefts = np.nonzero(corner[: len(photograph) - side + 1])
            if any(
                np.array_equal(photograph[top : top + side, left : left + side], piece)
                for top, left in zip(tops, lefts, strict=True)
            ):
                break
        else:
            pytest.fail(f"{path} is no piece of the photograph")


def test_planted_properties_are_those_of_the_written_crops(sample: Sample, directory: Path) -> None:
    for row in sample[2].iloc[::16].itertuples():
        crop = np.asarray(Image.open(directory / f"{row.image_id}.png"))
        assert row.saturation == pytest.approx(rgb2hsv(crop)[..., 1].mean(), rel=1e-12)


def test_truth_and_trials_fit_their_tables(tmp_path: Path) -> None:
    _, trials, planted = small(tmp_path / "images")
    store.write(trials, tmp_path / "trials.parquet", "trials")
    store.write(planted, tmp_path / "planted.parquet", "planted")
    # Ten images are too few for a game: others fill its 66 targets and are not scored.
    assert len(store.read(tmp_path / "trials.parquet", "trials")) == 5 * 186
    assert len(store.read(tmp_path / "planted.parquet", "planted")) == 10


def test_the_score_table_is_read_like_a_users_own(sample: Sample, tmp_path: Path) -> None:
    scores = sample[0]
    scores.to_csv(tmp_path / "scores.csv", index=False)
    table = read_scores(tmp_path / "scores.csv", {name: name for name in scores.columns})
    for name in scores.columns:
        assert table[name].tolist() == scores[name].tolist()
    assert set(table["image_id"]) == set(sample[2]["image_id"])
    # Some observers turn out to be inattentive, some images are shown to one more than asked for.
    assert table["responses"].between(700, 801).all()
    np.testing.assert_array_equal(table["score_uncorrected"], table["hits"] / table["responses"])


def test_scores_follow_the_planted_memorability_when_observers_are_many(sample: Sample) -> None:
    scores, _, planted = sample
    assert scores["file"].str.removesuffix(".png").tolist() == planted["image_id"].tolist()
    truth = planted["memorability"] - planted["false_alarm_rate"]
    assert stats.spearmanr(scores["score"], truth).statistic > 0.97
    # Four standard errors of the difference of two proportions of 700.
    assert (scores["score"] - truth.clip(0)).abs().max() < 4 * np.sqrt(2 * 0.25 / 700)
    rate = scores["hits"] / scores["responses"]
    assert stats.spearmanr(rate, planted["memorability"]).statistic > 0.97


def test_planted_effects_are_in_the_planted_memorability(sample: Sample) -> None:
    expected = pd.Series({**PLANTED_EFFECTS, **PLANTED_CATEGORY_OFFSETS})
    expected[[*PLANTED_CATEGORY_OFFSETS]] += MEAN_MEMORABILITY
    found, errors = coefficients(sample, sample[2]["memorability"])
    assert ((found - expected).abs() < 4 * errors).all()
    assert (errors[[*PLANTED_EFFECTS]] < PLANTED_NOISE / 2).all()


@pytest.mark.parametrize("name", [*PLANTED_EFFECTS])
def test_what_observers_remember_depends_on_each_property_as_planted(
    sample: Sample, name: str
) -> None:
    scores = sample[0]
    found, errors = coefficients(sample, scores["hits"] / scores["responses"])
    assert np.sign(found[name]) == np.sign(PLANTED_EFFECTS[name])
    assert abs(found[name]) > 2 * errors[name]
    assert abs(found[name] - PLANTED_EFFECTS[name]) < 4 * errors[name]


def test_planted_effects_show_in_the_features_of_the_embedded_study(tmp_path: Path) -> None:
    study = yaml.safe_load((ROOT / "studies" / "sample.yaml").read_text())["dataset"]
    made, _, _ = make_sample(
        tmp_path,
        images_per_category=study["images_per_category"],
        observers=study["observers"],
        seed=0,
    )
    scores = made.assign(image_id=made["file"].str.removesuffix(".png"))
    crops = [Image.open(tmp_path / file).resize((224, 224)) for file in scores["file"]]
    for feature in (saturation, clutter_score):
        values = [feature(np.asarray(crop)) for crop in crops]
        table = scores[["image_id"]].assign(value=values, seed="")
        once = Bootstrap(draws=1, confidence=0.95, seed=0)
        found = correlate(table, scores, target="score", bootstrap=once)
        partial = found.set_index("method").loc["partial"]
        assert partial["r"] > 0
        assert partial["p"] < 0.05


def test_categories_differ_in_memorability_as_planted(sample: Sample) -> None:
    scores = sample[0]
    found, errors = coefficients(sample, scores["hits"] / scores["responses"])
    assert found["food"] - found["landscape"] > 2 * (errors["food"] + errors["landscape"])
