from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memorability.explanation.check_summary import summarise_checks
from memorability.explanation.names import MAP_MEASURES, ORDERS, REFERENCES, SUMMARIES
from memorability.report.sentences.attribution_checks import sentence
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store

SHARES = [0.0, 0.5, 1.0]
RANDOM = ("predictor", "encoder_and_predictor")
DRAWS = 2


def study(n: int = 12, *, constant: bool = False) -> tuple[pd.DataFrame, ...]:
    """Return the four tables of `n` images; of a predictor that ignores them where `constant`."""
    stream = np.random.default_rng(0)
    ids = [f"i{number:02d}" for number in range(n)]

    def summaries() -> pd.DataFrame:
        values = np.zeros((n, 3)) if constant else stream.random((n, 3))
        return pd.DataFrame(values, columns=list(SUMMARIES)).assign(image_id=ids)

    own = summaries().assign(baseline="blurred_mean", converged=True)
    parts = [(part, draw) for part in RANDOM for draw in range(DRAWS)]
    names = {("zeros", 0): "zeros"} | dict.fromkeys(parts, "blurred_mean")
    variants = pd.concat(
        [
            summaries().assign(variant=name, draw=draw, baseline=start, converged=True)
            for (name, draw), start in names.items()
        ]
    )
    pairs = [("baseline", "blurred_mean", "zeros", 0)]
    pairs += [("weights", "trained", part, draw) for part, draw in parts]
    pairs += [("reference", "trained", name, 0) for name in REFERENCES]
    similarity = pd.DataFrame(
        [(*pair, image) for pair in pairs for image in ids],
        columns=["check", "first", "second", "draw", "image_id"],
    )
    for name in MAP_MEASURES:
        similarity[name] = np.nan if constant else stream.random(len(similarity))
    curves = pd.DataFrame(
        [
            (mode, order, image, share)
            for mode in ("deletion", "insertion")
            for order in ORDERS
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
    assert len(checks) == 3 * 6 + 2 * 2 + 2 * 3
    assert set(checks.loc[checks["check"] == "weights", "draws"]) == {DRAWS}
    assert set(checks.loc[checks["check"] != "weights", "draws"]) == {1}
    assert not checks.duplicated(list(key)).any()


def test_rankings_are_spearman_and_maps_are_means() -> None:
    own, variants, similarity, _ = study()
    checks = summarised()
    zeros = variants[variants["variant"] == "zeros"]
    row = one(checks, second="zeros", measure="rank_mean_signed")
    expected = stats.spearmanr(own["mean_signed"], zeros["mean_signed"]).statistic
    assert row["value"] == pytest.approx(expected)
    assert row["ci_low"] <= row["value"] <= row["ci_high"]
    drawn = variants[variants["variant"] == "predictor"]
    random = [drawn[drawn["draw"] == draw] for draw in range(DRAWS)]
    row = one(checks, second="predictor", measure="rank_mean_absolute")
    expected = [
        stats.spearmanr(own["mean_absolute"], each["mean_absolute"]).statistic for each in random
    ]
    assert row["value"] == pytest.approx(np.mean(expected)), "the trained network's own baseline"
    maps = similarity.loc[similarity["second"] == "zeros", "map_ssim"]
    row = one(checks, second="zeros", measure="map_ssim")
    assert row["value"] == pytest.approx(maps.mean())
    half = 1.96 * maps.std(ddof=0) / np.sqrt(len(maps))
    assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * half, rel=0.25)


def test_areas_are_positive_where_attributions_do_better_than_chance() -> None:
    checks = summarised()
    for mode, order in product(("deletion", "insertion"), ORDERS[1:]):
        row = one(checks, check=mode, second=order)
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


def test_intervals_of_random_weights_carry_draws_and_images() -> None:
    own, variants, similarity, curves = study(200)
    chosen = (similarity["check"] == "weights") & (similarity["second"] == "predictor")
    noise = np.random.default_rng(1).normal(0, 0.01, chosen.sum())
    # The draws lie 0.4 apart: one network's interval over images misses the mean of networks.
    similarity.loc[chosen, "map_signed"] = 0.4 * similarity.loc[chosen, "draw"] + noise
    bootstrap = Bootstrap(draws=400, confidence=0.95, seed=0)
    alone = similarity[~chosen | (similarity["draw"] == 0)]
    widths = {}
    for draws, table in ((1, alone), (DRAWS, similarity)):
        found = summarise_checks(own, variants, table, curves, bootstrap)
        row = one(found, check="weights", second="predictor", measure="map_signed")
        widths[draws] = row["ci_high"] - row["ci_low"]
        assert row["draws"] == draws
    assert row["value"] == pytest.approx(0.2, abs=0.01)
    assert widths[1] < 0.01
    assert row["ci_low"] < 0
    assert row["ci_high"] > 0.4


def test_maps_without_a_network_are_compared_by_absolute_attribution_alone() -> None:
    checks, (_, _, similarity, _) = summarised(), study()
    rows = checks[checks["check"] == "reference"]
    assert set(rows["measure"]) == {"map_absolute", "map_ssim"}
    alike = similarity[similarity["second"] == "edges"]
    row = one(checks, second="edges", measure="map_absolute")
    assert row["value"] == pytest.approx(alike["map_absolute"].mean())
    said = sentence(checks, "weights")
    assert f"the edges of the image do at r = {row['value']:.2f} [" in said
    assert "learned" not in said, "what agrees without a network was not unlearned by anything"


def test_an_interval_of_ranks_stays_within_what_a_correlation_can_be() -> None:
    own, variants, similarity, curves = study(10)
    alike = own["mean_absolute"].to_numpy()
    swapped = alike.copy()
    # In the second draw, two images change places.
    swapped[np.argsort(alike)[:2]] = np.sort(alike)[1::-1]
    for draw, values in enumerate((alike, swapped)):
        chosen = (variants["variant"] == "predictor") & (variants["draw"] == draw)
        variants.loc[chosen, "mean_absolute"] = values
    found = summarise_checks(
        own, variants, similarity, curves, Bootstrap(draws=200, confidence=0.95, seed=0)
    )
    row = one(found, second="predictor", measure="rank_mean_absolute")
    assert 0.8 < row["ci_low"] < row["value"] < row["ci_high"] <= 1
