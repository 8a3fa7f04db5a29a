"""The published numbers as data, and what is refused in them."""

import math
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from memorability.base.errors import InputError
from memorability.claims.published import find_claim, load_published, parse_claims
from memorability.pixel_predictors.names import PIXEL_PREDICTORS

PUBLISHED = Path(__file__).parents[3] / "memorability" / "claims" / "published.yaml"
NAN = float("nan")
TABLE_2 = {
    "mean_lab_a": ((0.585, 0.557, 0.608), (0.347, 0.314, 0.377)),
    "distinct_categories": ((0.531, 0.506, 0.556), (0.440, 0.411, 0.471)),
    "object_count": ((0.463, 0.437, 0.489), (0.350, 0.316, 0.380)),
    "mean_lab_b": ((0.418, 0.390, 0.450), (0.228, 0.194, 0.260)),
    "saturation": ((0.413, 0.384, 0.445), (0.157, 0.122, 0.191)),
    "mean_object_size": ((0.404, 0.374, 0.432), (0.480, 0.449, 0.510)),
    "separation_score": ((0.321, 0.287, 0.351), (0.273, 0.241, 0.305)),
    "color_diversity": ((0.276, 0.244, 0.308), (0.115, 0.084, 0.154)),
    "image_entropy": ((0.160, 0.128, 0.193), (0.102, 0.066, 0.134)),
    "clutter_score": ((0.136, 0.102, 0.169), (0.124, 0.086, 0.158)),
    "mean_lab_l": ((-0.123, -0.156, -0.088), (-0.058, -0.092, -0.022)),
    "texture_energy": ((-0.108, -0.140, -0.075), (-0.078, -0.113, -0.046)),
}


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    return deepcopy(loaded)


def test_figures_are_those_of_the_papers() -> None:
    figures = {c.id: (c.value, c.ci_low, c.ci_high, c.n) for c in load_published()}
    with_interval = {name: row for name, row in figures.items() if not math.isnan(row[1])}
    assert with_interval == {
        "table_1.lpips_squeeze": (0.452, 0.442, 0.467, 10_000),
        "table_1.lpips_vgg": (0.434, 0.416, 0.444, 10_000),
        "table_1.style": (0.371, 0.361, 0.388, 10_000),
        "table_1.lpips_alex": (0.331, 0.321, 0.336, 10_000),
        "table_1.mse": (0.235, 0.229, 0.249, 10_000),
        "table_1.ms_ssim": (0.152, 0.135, 0.159, 10_000),
        "decay.epoch_1": (0.452, 0.442, 0.467, 10_000),
        "decay.epoch_20": (0.22, 0.21, 0.24, 10_000),
        "distinctiveness": (0.31, 0.292, 0.328, 10_000),
        "prediction.roc_auc": (0.76, 0.74, 0.78, 3177),
        "prediction.pr_auc": (0.74, 0.71, 0.76, 3177),
        "prediction.spearman": (0.56, 0.53, 0.58, 3177),
        "prediction.accuracy": (0.69, 0.68, 0.71, 3177),
        "prediction.precision": (0.69, 0.67, 0.71, 3177),
        "prediction.sensitivity": (0.70, 0.67, 0.72, 3177),
        "prediction.specificity": (0.69, 0.67, 0.71, 3177),
        "prediction.f1": (0.69, 0.67, 0.71, 3177),
    } | {
        f"table_2.{name}.{column}": (*figure, 3177)
        for name, row in TABLE_2.items()
        for column, figure in zip(("ig", "memorability"), row, strict=True)
    }
    printed = {name: (row[0], row[3]) for name, row in figures.items() if name not in with_interval}
    tables = ("khosla_", "needell_")
    without = {name: row for name, row in printed.items() if not name.startswith(tables)}
    assert without == {
        "dataset.images": (10_000, 10_000),
        "dataset.mean_score": (0.693, 10_000),
        "split.train": (5892, 10_000),
        "split.validation": (931, 10_000),
        "split.test": (3177, 10_000),
        "consistency.memcat": (0.78, 10_000),
        "consistency.lamem": (0.67, 58_741),
        "consistency.lamem_simple": (0.67, 58_741),
        "consistency.lamem_delays": (0.68, 58_741),
        "consistency.lamem_adversarial": (0.61, 58_741),
        "consistency.lamem_adversarial_corrected": (0.67, 58_741),
        "consistency.sun": (0.75, 500),
    }


KHOSLA_TABLE_1 = """
sun   hits      0.57 0.60 0.58 0.51 0.45  0.56 0.59 0.57 0.59 0.47
sun   corrected 0.61 0.63 0.62 0.53 0.48  0.57 0.59 0.58 0.61 0.48
lamem hits      0.46 0.48 0.46 0.43 0.35  0.54 0.55 0.53 0.57 0.40
lamem corrected 0.52 0.54 0.55 0.47 0.43  0.61 0.61 0.60 0.64 0.47
"""
"""Test set, score, and r of fc6, fc7, fc8, network, HOG2x2 trained on SUN, then on LaMem."""


def test_khoslas_table_1_is_as_printed_and_knows_what_lamem_cannot_answer() -> None:
    found = {c.id: c for c in load_published() if c.id.startswith("khosla_table_1")}
    expected = {}
    for line in KHOSLA_TABLE_1.split("\n")[1:-1]:
        test, score, *printed = line.split()
        for train, network, values in (
            ("sun", "finetuned", printed[:5]), ("lamem", "memnet", printed[5:]),
        ):  # fmt: skip
            names = ("fc6", "fc7", "fc8", network, "hog2x2")
            for name, value in zip(names, values, strict=True):
                expected[f"khosla_table_1.{train}_to_{test}.{score}.{name}"] = float(value)
    assert {name: claim.value for name, claim in found.items()} == expected
    for name, claim in found.items():
        _, way, score, _ = name.split(".")
        assert claim.quantity == f"pixels from {way.replace('_', ' ')}"
        assert claim.target == {"hits": "score_uncorrected", "corrected": "score"}[score]
        assert claim.dataset == way.split("_")[2]
        assert claim.metric in PIXEL_PREDICTORS
        unknown = score == "corrected" and "lamem" in way
        assert claim.never == ("LaMem publishes no false alarms" if unknown else "")


def test_khoslas_figure_4_has_two_numbers_that_no_public_file_of_lamem_answers() -> None:
    found = [claim for claim in load_published() if claim.id.startswith("khosla_figure_4")]
    assert {(claim.statistic, claim.value, claim.n) for claim in found} == {
        ("count", 5000, 5000),
        ("spearman", 0.24, 1003),
    }
    assert {claim.dataset for claim in found} == {"lamem"}
    assert all("do not say where an image comes from" in claim.never for claim in found)


def test_documents_count_the_published_numbers() -> None:
    count = f"{len(load_published())} published numbers"
    root = PUBLISHED.parents[2]
    for document in ("README.md", "docs/claims.md", "CHANGELOG.md"):
        assert count in (root / document).read_text(encoding="utf-8"), document


def test_needells_table_and_text_stand_as_printed_where_they_disagree() -> None:
    found = {c.id: c for c in load_published() if c.id.startswith("needell_")}
    models = {
        "memnet": (0.55, 0.012, 2500), "resmem": (0.66, 0.008, 8900),
        "resmem_retrain": (0.67, 0.008, 24_000), "m3m": (0.68, 0.009, 24_600),
    }  # fmt: skip
    in_table = {
        f"needell_table_1.{model}.{statistic}": value
        for model, values in models.items()
        for statistic, value in zip(("spearman", "mse", "seconds"), values, strict=True)
    }
    in_text = {
        "needell_text.resmem.spearman": 0.68, "needell_text.resmem.mse": 0.0091,
        "needell_text.resmem_retrain.spearman": 0.68, "needell_text.resmem_retrain.mse": 0.0047,
        "needell_text.resmem.seconds": 80 * 60, "needell_text.memnet.seconds": 80 * 60,
        "needell_text.resmem_retrain.seconds": 15 * 3600, "needell_text.m3m.seconds": 30 * 3600,
    }  # fmt: skip
    assert {name: claim.value for name, claim in found.items()} == in_table | in_text
    assert all(claim.never for claim in found.values())
    assert {claim.dataset for claim in found.values()} == {"lamem_memcat"}


def test_ids_and_what_they_look_for_agree() -> None:
    for claim in load_published():
        group, _, name = claim.id.partition(".")
        sought = (claim.quantity, claim.target, claim.loss)
        if group == "table_1":
            assert sought == ("error", "score", name)
        if group == "table_2":
            feature, column = name.split(".")
            target = "attribution" if column == "ig" else "score"
            assert sought == (f"feature:{feature}", target, None)
        if group == "prediction":
            assert (claim.statistic, *sought) == (name, "prediction", "score", None)
        if group.partition("_")[0] not in ("consistency", "khosla", "needell"):
            assert "arXiv:2410.15235" in claim.source
        assert claim.statement.endswith(".")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": -3}, "n -3; expected a whole number of images"),
        ({"n": 0}, "n 0; expected a whole number of images"),
        ({"n": 12.5}, "n 12.5"),
        ({"n": True}, "n True"),
        ({"ci": [0.3, 0.4]}, "interval that contains the value"),
        ({"ci": [0.5, 0.1]}, "interval that contains the value"),
        ({"ci": [0.1, 1.4]}, "from -1 to 1"),
        ({"ci": [0.1]}, r"a number and \[low, high\]"),
        ({"ci": 0.4}, r"a number and \[low, high\]"),
        ({"value": "0,4"}, r"a number and \[low, high\]"),
        ({"value": NAN}, "interval that contains the value"),
        ({"value": NAN, "ci": None}, "interval that contains the value"),
        ({"value": 1.2, "ci": None}, "from -1 to 1"),
        ({"statistic": "pearson"}, r"statistic 'pearson'; expected one of \['spearman'"),
        ({"statistic": "count", "value": -2, "ci": None}, "from 0 to inf"),
        ({"dataset": "figrin"}, "dataset 'figrin'"),
        ({"doi": "x"}, r"add \['doi'\]"),
        ({"source": {"paper": "nobody", "where": "Table 1"}}, "paper 'nobody'"),
        ({"source": {"paper": "nobody"}}, r"keys of source that lack \['where'\]"),
        ({"find": {"quantity": "error"}}, r"keys of find that lack \['target'\]"),
        ({"id": "table_1.mse"}, "more than once"),
    ],
)
def test_a_wrong_entry_is_named(change: dict[str, Any], message: str) -> None:
    changed = document()
    place = [entry["id"] for entry in changed["claims"]].index("table_1.lpips_squeeze")
    changed["claims"][place] |= change
    name = change.get("id", "table_1.lpips_squeeze")
    with pytest.raises(ValueError, match=f"claim '{name}' has .*{message}"):
        parse_claims(changed)


def test_a_missing_key_is_named() -> None:
    changed = document()
    del changed["claims"][0]["n"]
    with pytest.raises(ValueError, match=r"'dataset.images'.*lack \['n'\]"):
        parse_claims(changed)


def test_a_document_without_papers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"lack \['papers'\]"):
        parse_claims({"claims": []})


def test_an_area_under_the_curve_is_not_negative() -> None:
    claim = find_claim(load_published(), "prediction.roc_auc")
    with pytest.raises(ValueError, match="both from 0 to 1"):
        replace(claim, value=-0.2, ci_low=-0.3)


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"did you mean 'table_1\.lpips_squeeze'"):
        find_claim(load_published(), "table1.lpips_squeze")
    with pytest.raises(InputError, match=r"is named 'table_1\.mse'"):
        find_claim([], "table_1.mse")


@pytest.mark.parametrize(
    ("claim_id", "half"),
    [("dataset.mean_score", 0.0005), ("dataset.images", 0.5), ("prediction.roc_auc", 0.005)],
)
def test_half_of_the_last_printed_digit(claim_id: str, half: float) -> None:
    assert find_claim(load_published(), claim_id).half_digit == pytest.approx(half, rel=1e-12)


@pytest.mark.parametrize(
    ("claim_id", "of_model"),
    [
        ("table_1.mse", True),
        ("decay.epoch_20", True),
        ("distinctiveness", True),
        ("prediction.f1", True),
        ("table_2.saturation.ig", True),
        ("table_2.saturation.memorability", False),
        ("consistency.memcat", False),
        ("dataset.mean_score", False),
        ("split.test", False),
    ],
)
def test_which_figures_depend_on_the_model(claim_id: str, *, of_model: bool) -> None:
    assert find_claim(load_published(), claim_id).of_model is of_model


def test_published_attributions_go_with_published_memorability_as_docs_say() -> None:
    """What docs/claims.md and docs/method.md say of the signed mean rests on these numbers."""
    values = {claim.id: claim.value for claim in load_published()}
    features = {name.split(".")[1] for name in values if name.startswith("table_2.")}
    both = np.asarray(
        [[values[f"table_2.{name}.{of}"] for name in features] for of in ("ig", "memorability")]
    )
    assert round(np.corrcoef(both)[0, 1], 2) == 0.88
    assert (np.sign(both[0]) == np.sign(both[1])).sum() == 12
    assert (np.abs(both[0]) > np.abs(both[1])).sum() == 11


def test_the_margin_lies_where_docs_say() -> None:
    values = [c.value for c in load_published() if c.id.startswith("table_1.")]
    gaps = -np.diff(sorted(values, reverse=True))
    np.testing.assert_allclose(gaps, [0.018, 0.063, 0.040, 0.096, 0.083], atol=1e-9)
    assert [(gaps > margin).sum() for margin in (0.02, 0.05, 0.10)] == [4, 3, 0]
