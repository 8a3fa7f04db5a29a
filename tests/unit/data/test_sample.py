"""The sample's crops, and whether what was planted in its observers can be found again."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api
import yaml
from PIL import Image
from scipy import stats
from skimage.color import rgb2hsv

from memorability.data.sample import (
    CROP_SIDES,
    MEAN_MEMORABILITY,
    OBSERVERS,
    PHOTOGRAPHS,
    PLANTED_CATEGORY_OFFSETS,
    PLANTED_EFFECTS,
    PLANTED_NOISE,
    Sample,
    make_sample,
    part_of,
    planted_effects,
    read_photograph,
)
from memorability.data.scores import read_scores
from memorability.features.color import saturation
from memorability.features.texture import clutter_score
from memorability.memory_game.ceiling import noise_ceiling
from memorability.memory_game.scoring import attentive_trials, score_counts
from memorability.networks.catalogue import minimum_side
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store
from tests.correlated import correlate

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
    planted = sample.planted
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
    first, second = small(tmp_path / "a"), small(tmp_path / "b")
    for name, table in vars(first).items():
        pd.testing.assert_frame_equal(table, vars(second)[name], check_exact=True)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_another_seed_gives_other_crops_other_truth_and_other_responses(tmp_path: Path) -> None:
    first, second = small(tmp_path / "a"), small(tmp_path / "b", seed=4)
    assert set(contents(tmp_path / "a")) == set(contents(tmp_path / "b"))
    assert not set(contents(tmp_path / "a").values()) & set(contents(tmp_path / "b").values())
    assert not (first.planted["memorability"] == second.planted["memorability"]).any()
    assert not first.trials["response"].equals(second.trials["response"])


def test_every_category_has_as_many_crops_as_asked_for(sample: Sample, directory: Path) -> None:
    scores, trials, planted = sample.scores, sample.trials, sample.planted
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
    for file in sample.scores["file"]:
        with Image.open(directory / file) as crop:
            assert crop.mode == "RGB"
            assert crop.width == crop.height
            sides.append(crop.width)
    assert min(sides) >= max(161, minimum_side(["ms_ssim"]))
    assert min(sides) >= CROP_SIDES[0]
    assert max(sides) <= CROP_SIDES[1]
    assert len(set(sides)) > 10
    assert len(set(contents(directory).values())) == len(sides)


def corner(crop: np.ndarray, photograph: np.ndarray) -> tuple[int, int] | None:
    """Return row and column at which a crop, perhaps mirrored, lies in its photograph."""
    side = len(crop)
    for piece in (crop, crop[:, ::-1]):
        same = (photograph == piece[0, 0]).all(axis=-1)
        for top, left in zip(*np.nonzero(same), strict=True):
            if np.array_equal(photograph[top : top + side, left : left + side], piece):
                return int(top), int(left)
    return None


def test_crops_of_two_parts_of_the_split_share_no_pixel(tmp_path: Path) -> None:
    sample = make_sample(tmp_path, images_per_category=8, observers=5, seed=3)
    pixels: dict[tuple[str, str], set[tuple[int, int]]] = {}
    for file, part in zip(sample.scores["file"], sample.split["split"], strict=True):
        name = file.split("/")[1]
        photograph, crop = read_photograph(name), np.asarray(Image.open(tmp_path / file))
        place = corner(crop, photograph)
        assert place is not None, f"{file} is no piece of its photograph"
        rows, columns = (range(start, start + len(crop)) for start in place)
        # Every eighth pixel: crops are 165 pixels wide or more.
        covered = {
            (row, column) for row in rows if not row % 8 for column in columns if not column % 8
        }
        pixels.setdefault((name, part), set()).update(covered)
    names = {name for name, _ in pixels}
    for name in names:
        parts = [covered for (other, _), covered in pixels.items() if other == name]
        assert len(parts) >= 2
        assert len(set.union(*parts)) == sum(map(len, parts))


def test_every_part_of_a_photograph_is_large_enough_for_every_crop() -> None:
    for names in PHOTOGRAPHS.values():
        for name in names:
            photograph = read_photograph(name)
            sizes = [
                part_of(photograph, part).shape[:2] for part in ("train", "validation", "test")
            ]
            assert min(map(min, sizes)) >= CROP_SIDES[1], name
            assert sum(rows * columns for rows, columns in sizes) == photograph[..., 0].size


def test_the_split_has_the_shares_of_the_published_study(sample: Sample, tmp_path: Path) -> None:
    store.write(sample.split, tmp_path / "split.parquet", "official_splits")
    parts = pd.crosstab(sample.scores["category"], sample.split["split"])
    for part, share in (("train", 0.6), ("validation", 0.1), ("test", 0.3)):
        assert ((parts[part] - share * PER_CATEGORY).abs() < 1).all()
    assert sample.split["score"].tolist() == sample.scores["score"].tolist()


def test_planted_properties_are_those_of_the_written_crops(sample: Sample, directory: Path) -> None:
    for row in sample.planted.iloc[::16].itertuples():
        crop = np.asarray(Image.open(directory / f"{row.image_id}.png"))
        assert row.saturation == pytest.approx(rgb2hsv(crop)[..., 1].mean(), rel=1e-12)


def test_truth_and_trials_fit_their_tables(tmp_path: Path) -> None:
    sample = small(tmp_path / "images")
    store.write(sample.trials, tmp_path / "trials.parquet", "trials")
    store.write(sample.planted, tmp_path / "planted.parquet", "planted")
    # Ten images are too few for a game: others fill its 66 targets and are not scored.
    assert len(store.read(tmp_path / "trials.parquet", "trials")) == 5 * 186
    assert len(store.read(tmp_path / "planted.parquet", "planted")) == 10


def test_the_score_table_is_read_like_a_users_own(sample: Sample, tmp_path: Path) -> None:
    scores = sample.scores
    scores.to_csv(tmp_path / "scores.csv", index=False)
    table = read_scores(tmp_path / "scores.csv", {name: name for name in scores.columns})
    for name in scores.columns:
        assert table[name].tolist() == scores[name].tolist()
    assert set(table["image_id"]) == set(sample.planted["image_id"])
    # Some observers turn out to be inattentive, some images are shown to one more than asked for.
    assert table["responses"].between(700, 801).all()
    np.testing.assert_array_equal(table["score_uncorrected"], table["hits"] / table["responses"])


def test_scores_follow_the_planted_memorability_when_observers_are_many(sample: Sample) -> None:
    scores, planted = sample.scores, sample.planted
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
    found, errors = coefficients(sample, sample.planted["memorability"])
    assert ((found - expected).abs() < 4 * errors).all()
    assert (errors[[*PLANTED_EFFECTS]] < PLANTED_NOISE / 2).all()


@pytest.mark.parametrize("name", [*PLANTED_EFFECTS])
def test_what_observers_remember_depends_on_each_property_as_planted(
    sample: Sample, name: str
) -> None:
    scores = sample.scores
    found, errors = coefficients(sample, scores["hits"] / scores["responses"])
    assert np.sign(found[name]) == np.sign(PLANTED_EFFECTS[name])
    assert abs(found[name]) > 2 * errors[name]
    assert abs(found[name] - PLANTED_EFFECTS[name]) < 4 * errors[name]


def test_planted_effects_show_in_the_features_of_the_embedded_study(tmp_path: Path) -> None:
    study = yaml.safe_load((ROOT / "studies" / "sample.yaml").read_text())["dataset"]
    made = make_sample(
        tmp_path,
        images_per_category=study["images_per_category"],
        observers=study["observers"],
        seed=0,
    )
    scores = made.scores
    scores = scores.assign(image_id=scores["file"].str.removesuffix(".png"))
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
    scores = sample.scores
    found, errors = coefficients(sample, scores["hits"] / scores["responses"])
    assert found["food"] - found["landscape"] > 2 * (errors["food"] + errors["landscape"])


def recovered(sample: Sample, confidence: float = 0.95) -> pd.DataFrame:
    """Return the table of planted effects of a sample whose ceiling is estimated from its counts."""
    ids = sample.scores["file"].str.removesuffix(".png")
    counted = score_counts(sample.scores.assign(image_id=ids))
    images = counted.assign(score=sample.scores["score"])
    ceiling = noise_ceiling(images, bootstrap=Bootstrap(draws=50, confidence=0.95, seed=0))
    return planted_effects(sample.planted, images, sample.trials, ceiling, confidence=confidence)


def test_every_planted_effect_is_compared_and_found_with_many_observers(sample: Sample) -> None:
    table = recovered(sample, 0.999).set_index("effect")
    assert set(PLANTED_EFFECTS) | set(PLANTED_CATEGORY_OFFSETS) < set(table.index)
    assert table.loc["decay", "planted"] == OBSERVERS.decay
    assert table["contains"].sum() >= len(table) - 1
    assert table.loc[[*PLANTED_EFFECTS], "contains"].all()


def test_what_is_found_is_least_squares_of_the_hit_rate(sample: Sample) -> None:
    table = recovered(sample).set_index("effect")
    planted = sample.planted[[*PLANTED_EFFECTS]]
    standardised = (planted - planted.mean()) / planted.std(ddof=0)
    categories = pd.get_dummies(sample.scores["category"], dtype=float)
    rate = sample.scores["hits"] / sample.scores["responses"]
    fitted = statsmodels.api.OLS(rate, pd.concat([standardised, categories], axis=1)).fit()
    found = table.loc[[*PLANTED_EFFECTS]]
    assert found["found"].tolist() == pytest.approx(fitted.params[found.index].tolist())
    limits = fitted.conf_int().loc[found.index]
    assert found["ci_low"].tolist() == pytest.approx(limits[0].tolist())
    # A category's offset is its coefficient less the mean of the five: a contrast.
    contrast = np.r_[0, 0, np.eye(5)[0] - 0.2]
    offset = fitted.t_test(contrast)
    row = table.loc["animal"]
    assert row["found"] == pytest.approx(offset.effect.item())
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(offset.conf_int().ravel().tolist())


def test_the_decay_is_the_slope_within_images_clustered_by_observer(tmp_path: Path) -> None:
    sample = small(tmp_path)
    row = recovered(sample).set_index("effect").loc["decay"]
    trials = attentive_trials(sample.trials)
    repeats = trials[(trials["role"] == "target") & trials["repeat"]]
    log = np.log(repeats["delay"].astype(float)).rename("log")
    design = pd.concat([log, pd.get_dummies(repeats["image_id"], dtype=float)], axis=1)
    codes = pd.factorize(repeats["observer"])[0]
    fitted = statsmodels.api.OLS(repeats["response"].astype(float), design).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False}, use_t=True
    )
    observers = codes.max() + 1
    error = fitted.bse["log"] * np.sqrt(observers / (observers - 1))
    assert row["found"] == pytest.approx(fitted.params["log"])
    half = error * stats.t.ppf(0.975, observers - 1)
    assert row["ci_high"] - row["found"] == pytest.approx(half)


def test_a_sample_without_the_planted_effects_is_told_apart(sample: Sample) -> None:
    shuffled = sample.planted.sample(frac=1, random_state=0, ignore_index=True)
    properties = sample.planted.assign(**{name: shuffled[name] for name in PLANTED_EFFECTS})
    table = recovered(replace(sample, planted=properties)).set_index("effect")
    assert not table.loc[[*PLANTED_EFFECTS], "contains"].any()


def test_too_few_crops_have_no_interval_and_are_not_judged(tmp_path: Path) -> None:
    sample = make_sample(tmp_path, images_per_category=1, observers=20, seed=3)
    table = recovered(sample)
    store.write(table, tmp_path / "table.parquet", "planted_effects")
    assert table.loc[table["kind"] == "property", "contains"].isna().all()
    assert table.loc[table["effect"] == "inattentive_share", "contains"].notna().all()
