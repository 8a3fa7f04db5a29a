import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memorability.explanation.check_summary import summarise_checks
from memorability.explanation.names import MAP_MEASURES, SUMMARIES
from memorability.report.figures.check_wording import sentence
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store

SHARES = [0.0, 0.5, 1.0]


def study(n: int = 12, *, constant: bool = False) -> tuple[pd.DataFrame, ...]:
    """Return the four tables of `n` images; of a predictor that ignores them where `constant`."""
    stream = np.random.default_rng(0)
    ids = [f"i{number:02d}" for number in range(n)]

    def summaries() -> pd.DataFrame:
        values = np.zeros((n, 3)) if constant else stream.random((n, 3))
        return pd.DataFrame(values, columns=list(SUMMARIES)).assign(image_id=ids)

    own = summaries().assign(baseline="blurred_mean", converged=True)
    names = {"zeros": "zeros", "predictor": "blurred_mean", "encoder_and_predictor": "blurred_mean"}
    variants = pd.concat(
        [
            summaries().assign(variant=name, baseline=start, converged=True)
            for name, start in names.items()
        ]
    )
    pairs = [("baseline", "blurred_mean", "zeros")]
    pairs += [("weights", "trained", part) for part in ("predictor", "encoder_and_predictor")]
    similarity = pd.DataFrame(
        [(*pair, image) for pair in pairs for image in ids],
        columns=["check", "first", "second", "image_id"],
    )
    for name in MAP_MEASURES:
        similarity[name] = np.nan if constant else stream.random(len(similarity))
    curves = pd.DataFrame(
        [
            (mode, order, image, share)
            for mode in ("deletion", "insertion")
            for order in ("attribution", "random")
            for image in ids
            for share in SHARES
        ],
        columns=["mode", "order", "image_id", "share"],
    )
    curves["score"] = 0.5
    if not constant:
        # In the order of attributions the score is 0.2 lower half-way of deletion, higher of insertion.
        middle = (curves["share"] == 0.5) & (curves["order"] == "attribution")
        curves.loc[middle, "score"] += np.where(curves["mode"] == "deletion", -0.2, 0.2)[middle]
    return own, variants, similarity, curves


def summarised(n: int = 12, *, constant: bool = False) -> pd.DataFrame:
    made = study(n, constant=constant)
    return summarise_checks(*made, Bootstrap(draws=200, confidence=0.95, seed=0))


def one(checks: pd.DataFrame, **where: str) -> pd.Series:
    (row,) = [row for _, row in checks.iterrows() if all(row[k] == v for k, v in where.items())]
    return row


def test_checks_fit_their_schema() -> None:
    key, schema = store.SCHEMAS["attribution_checks"]
    checks = summarised()
    schema.validate(checks[list(schema.columns)])
    assert len(checks) == 3 * 6 + 2
    assert not checks.duplicated(list(key)).any()


def test_rankings_are_spearman_and_maps_are_means() -> None:
    own, variants, similarity, _ = study()
    checks = summarised()
    zeros = variants[variants["variant"] == "zeros"]
    row = one(checks, second="zeros", measure="rank_mean_signed")
    expected = stats.spearmanr(own["mean_signed"], zeros["mean_signed"]).statistic
    assert row["value"] == pytest.approx(expected)
    assert row["ci_low"] <= row["value"] <= row["ci_high"]
    random = variants[variants["variant"] == "predictor"]
    row = one(checks, second="predictor", measure="rank_mean_absolute")
    expected = stats.spearmanr(own["mean_absolute"], random["mean_absolute"]).statistic
    assert row["value"] == pytest.approx(expected), "the trained network's own baseline"
    maps = similarity.loc[similarity["second"] == "zeros", "map_ssim"]
    row = one(checks, second="zeros", measure="map_ssim")
    assert row["value"] == pytest.approx(maps.mean())
    half = 1.96 * maps.std(ddof=0) / np.sqrt(len(maps))
    assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * half, rel=0.25)


def test_areas_are_positive_where_attributions_do_better_than_chance() -> None:
    checks = summarised()
    for mode in ("deletion", "insertion"):
        row = one(checks, check=mode)
        # A triangle of height 0.2 over the whole width.
        assert row["value"] == pytest.approx(0.1)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((0.1, 0.1))


def test_the_sentences_name_the_numbers() -> None:
    checks = summarised()
    r = one(checks, second="zeros", measure="map_absolute")["value"]
    assert f"r = {r:.2f} to {r:.2f}" in sentence(checks, "baseline")
    assert "order of 12 images" in sentence(checks, "baseline")
    r = one(checks, second="predictor", measure="map_signed")["value"]
    said = sentence(checks, "weights")
    assert f"With a random predictor, the pixels of an image agree at r = {r:.2f} [" in said


@pytest.mark.parametrize("check", ["baseline", "weights"])
def test_a_predictor_that_ignores_its_input_leaves_nothing_to_check(check: str) -> None:
    checks = summarised(constant=True)
    assert checks.loc[checks["measure"] != "area", "value"].isna().all()
    assert "All attributions are 0: the predictor" in sentence(checks, check)


@pytest.mark.parametrize("check", ["baseline", "weights"])
@pytest.mark.parametrize("n", [1, 2, 9])
def test_too_few_images_have_values_but_no_intervals(n: int, check: str) -> None:
    checks = summarised(n)
    means = checks[~checks["measure"].str.startswith("rank")]
    assert means["value"].notna().all()
    assert set(means["ci_method"]) == {"none (too few images)"}
    assert means["ci_low"].isna().all()
    assert "nan" not in sentence(checks, check)
    assert "too few" in sentence(checks, "baseline")
