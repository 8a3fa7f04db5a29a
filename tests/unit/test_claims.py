"""The published figures, their validation and every verdict."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from memorability.claims import Claim, find_claim, ledger, load_published, parse_claims

PUBLISHED = Path(__file__).parents[2] / "memorability" / "published.yaml"
COLUMNS = [
    "claim", "statement", "source", "published", "published_ci_low", "published_ci_high",
    "ours", "ours_ci_low", "ours_ci_high", "n", "margin", "verdict", "why",
]  # fmt: skip
CLAIM = find_claim(load_published(), "table_1.mse")  # 0.235


def ours(r: float = 0.235, low: float = 0.2, high: float = 0.3, **columns: Any) -> pd.DataFrame:
    """One row that answers the claim about MSE, unless `columns` say otherwise."""
    answer = {
        "quantity": "error", "loss": "mse", "selected": True, "target": "score", "group": "all",
        "method": "pooled", "statistic": "spearman", "n": 10_000, "seeds": 5, "r": r,
        "ci_low": low, "ci_high": high,
    }  # fmt: skip
    return pd.DataFrame([answer | columns])


def verdict(
    correlations: pd.DataFrame, *, claim: Claim = CLAIM, kind: str = "memcat", margin: float = 0.05
) -> pd.Series:
    table = ledger(correlations, claims=[claim], dataset_kind=kind, margin=margin)
    assert len(table) == 1
    return table.iloc[0]


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    return deepcopy(loaded)


class TestPublished:
    def test_figures_are_those_of_the_paper(self) -> None:
        figures = {c.id: (c.value, c.ci_low, c.ci_high, c.n) for c in load_published()}
        assert figures == {
            "table_1.lpips_squeeze": (0.452, 0.442, 0.467, 10_000),
            "table_1.lpips_vgg": (0.434, 0.416, 0.444, 10_000),
            "table_1.style": (0.371, 0.361, 0.388, 10_000),
            "table_1.lpips_alex": (0.331, 0.321, 0.336, 10_000),
            "table_1.mse": (0.235, 0.229, 0.249, 10_000),
            "table_1.ms_ssim": (0.152, 0.135, 0.159, 10_000),
            "decay.epoch_20": (0.22, 0.21, 0.24, 10_000),
            "distinctiveness": (0.31, 0.292, 0.328, 10_000),
            "prediction.spearman": (0.56, 0.53, 0.58, 3177),
            "prediction.roc_auc": (0.76, 0.74, 0.78, 3177),
            "table_2.mean_lab_a.memorability": (0.347, 0.314, 0.377, 3177),
            "table_2.mean_lab_b.memorability": (0.228, 0.194, 0.260, 3177),
            "table_2.saturation.memorability": (0.157, 0.122, 0.191, 3177),
            "table_2.color_diversity.memorability": (0.115, 0.084, 0.154, 3177),
            "table_2.image_entropy.memorability": (0.102, 0.066, 0.134, 3177),
            "table_2.clutter_score.memorability": (0.124, 0.086, 0.158, 3177),
            "table_2.mean_lab_l.memorability": (-0.058, -0.092, -0.022, 3177),
            "table_2.texture_energy.memorability": (-0.078, -0.113, -0.046, 3177),
        }

    def test_ids_and_what_they_look_for_agree(self) -> None:
        for claim in load_published():
            if claim.id.startswith("table_1."):
                assert (claim.quantity, claim.loss) == ("error", claim.id.split(".")[1])
            if claim.id.startswith("table_2."):
                assert (claim.quantity, claim.loss) == (f"feature:{claim.id.split('.')[1]}", None)
            assert "arXiv:2410.15235" in claim.source
            assert claim.statement.endswith(".")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"n": -3}, "n -3; expected a whole number of images"),
            ({"n": 12.5}, "n 12.5"),
            ({"n": True}, "n True"),
            ({"ci": [0.3, 0.4]}, "interval that contains the value"),
            ({"ci": [0.5, 0.1]}, "interval that contains the value"),
            ({"ci": [0.1, 1.4]}, "from -1 to 1"),
            ({"ci": [0.1]}, r"a number and \[low, high\]"),
            ({"ci": 0.4}, r"a number and \[low, high\]"),
            ({"value": "0,4"}, r"a number and \[low, high\]"),
            ({"value": float("nan")}, "interval that contains the value"),
            ({"statistic": "pearson"}, r"statistic 'pearson'; expected one of \['spearman'"),
            ({"dataset": "lamem"}, "dataset 'lamem'"),
            ({"doi": "x"}, r"add \['doi'\]"),
            ({"source": {"paper": "nobody", "where": "Table 1"}}, "paper 'nobody'"),
            ({"source": {"paper": "nobody"}}, r"keys of source that lack \['where'\]"),
            ({"find": {"quantity": "error"}}, r"keys of find that lack \['target'\]"),
            ({"id": "table_1.mse"}, "more than once"),
        ],
    )
    def test_a_wrong_entry_is_named(self, change: dict[str, Any], message: str) -> None:
        changed = document()
        changed["claims"][0] |= change
        name = change.get("id", "table_1.lpips_squeeze")
        with pytest.raises(ValueError, match=f"claim '{name}' has .*{message}"):
            parse_claims(changed)

    def test_a_missing_key_is_named(self) -> None:
        changed = document()
        del changed["claims"][1]["n"]
        with pytest.raises(ValueError, match=r"'table_1.lpips_vgg'.*lack \['n'\]"):
            parse_claims(changed)

    def test_a_document_without_papers_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"lack \['papers'\]"):
            parse_claims({"claims": []})

    def test_an_area_under_the_curve_is_not_negative(self) -> None:
        claim = find_claim(load_published(), "prediction.roc_auc")
        with pytest.raises(ValueError, match="both from 0 to 1"):
            replace(claim, value=-0.2, ci_low=-0.3)

    def test_an_unknown_id_names_the_nearest(self) -> None:
        claims = load_published()
        with pytest.raises(ValueError, match=r"did you mean 'table_1\.lpips_squeeze'"):
            find_claim(claims, "table1.lpips_squeze")
        with pytest.raises(ValueError, match="expected one of 0 ids"):
            find_claim([], "table_1.mse")


class TestVerdicts:
    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (0.19, 0.28, "equivalent"),  # inside 0.185 to 0.285
            (0.24, 0.28, "equivalent"),  # inside, though it does not contain 0.235
            (0.18, 0.28, "reproduced"),  # contains 0.235, too wide below
            (0.20, 0.40, "reproduced"),  # contains 0.235, too wide above
            (0.24, 0.40, "differs"),  # touches the band, does not contain 0.235
            (-0.3, -0.1, "differs"),
            (0.50, 0.60, "differs"),
        ],
    )
    def test_on_the_published_data(self, low: float, high: float, expected: str) -> None:
        found = verdict(ours((low + high) / 2, low, high))
        assert found["verdict"] == expected
        assert f"{low:.3f} to {high:.3f}" in found["why"]
        assert "0.235" in found["why"]

    def test_margin_decides_between_equivalent_and_reproduced(self) -> None:
        row = ours(low=0.2, high=0.27)
        assert verdict(row, margin=0.05)["verdict"] == "equivalent"
        assert verdict(row, margin=0.02)["verdict"] == "reproduced"

    def test_other_data_are_shown_but_never_tested(self) -> None:
        found = verdict(ours(n=120), kind="sample")
        assert found["verdict"] == "not testable"
        assert found["why"] == "other data: 120 images of data set 'sample', published on MemCat"
        assert (found["ours"], found["ours_ci_low"], found["n"]) == (0.235, 0.2, 120)
        assert verdict(ours(), kind="lamem")["verdict"] == "not testable"

    @pytest.mark.parametrize(
        ("claim_id", "n", "testable"),
        [
            ("table_1.mse", 9_000, True),
            ("table_1.mse", 8_999, False),
            ("table_1.mse", 500, False),
            ("table_2.saturation.memorability", 3_177, True),
            ("table_2.saturation.memorability", 2_860, True),
            ("table_2.saturation.memorability", 2_859, False),
            ("table_2.saturation.memorability", 5_000, False),
            ("table_2.saturation.memorability", 10_000, True),
        ],
    )
    def test_a_part_of_the_data_is_other_data(
        self, claim_id: str, n: int, *, testable: bool
    ) -> None:
        claim = find_claim(load_published(), claim_id)
        row = ours(n=n, quantity=claim.quantity, loss=claim.loss)
        found = verdict(row, claim=claim)
        assert (found["verdict"] != "not testable") == testable
        if not testable:
            assert found["why"] == f"other data: {n:,} images of MemCat, published on {claim.n:,}"

    @pytest.mark.parametrize(
        "columns",
        [
            {"quantity": "distinctiveness"},
            {"loss": "style"},
            {"target": "score_uncorrected"},
            {"group": "food"},
            {"method": "partial"},
            {"selected": False},
        ],
    )
    def test_only_the_matching_row_answers(self, columns: dict[str, Any]) -> None:
        found = verdict(ours(**columns))
        assert found["verdict"] == "not testable"
        assert found["why"] == (
            "nothing computed: the study has no correlation of 'error' with loss 'mse' "
            "with target 'score'"
        )
        assert np.isnan([found["ours"], found["ours_ci_low"], found["ours_ci_high"]]).all()
        assert pd.isna(found["n"])

    def test_an_undefined_correlation_is_not_tested(self) -> None:
        found = verdict(ours(np.nan, np.nan, np.nan))
        assert found["verdict"] == "not testable"
        assert "undefined" in found["why"]

    def test_a_correlation_does_not_answer_an_area_under_the_curve(self) -> None:
        claim = find_claim(load_published(), "prediction.roc_auc")
        found = verdict(ours(0.76, 0.75, 0.77, quantity="prediction", n=3177), claim=claim)
        assert found["verdict"] == "not testable"
        assert found["why"] == "nothing computed: the table of correlations holds no roc_auc"

    def test_two_answers_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"2 rows .* answer the claim 'table_1\.mse'"):
            verdict(pd.concat([ours(), ours(0.1)]))

    def test_all_claims_keep_their_order_and_columns(self) -> None:
        claims = load_published()
        rows = pd.concat([ours(), ours(0.3, 0.29, 0.33, quantity="feature:saturation", loss=None)])
        table = ledger(rows, claims=claims, dataset_kind="memcat", margin=0.05)
        assert list(table.columns) == COLUMNS
        assert list(table["claim"]) == [c.id for c in claims]
        assert table["n"].dtype == "Int64"
        verdicts = table.set_index("claim")["verdict"]
        assert verdicts["table_1.mse"] == "reproduced"
        assert verdicts["table_2.saturation.memorability"] == "differs"
        assert (verdicts == "not testable").sum() == len(claims) - 2
        figure = table.set_index("claim").loc["table_1.mse"]
        assert figure["published"] == 0.235
        assert (figure["published_ci_low"], figure["published_ci_high"]) == (0.229, 0.249)
        assert (figure["ours_ci_low"], figure["ours_ci_high"], figure["margin"]) == (0.2, 0.3, 0.05)

    def test_no_results_at_all(self) -> None:
        table = ledger(ours().iloc[:0], claims=[CLAIM], dataset_kind="memcat", margin=0.05)
        assert list(table["verdict"]) == ["not testable"]

    def test_refuses_missing_columns_and_useless_margins(self) -> None:
        with pytest.raises(ValueError, match=r"lacks the columns \['loss'\]"):
            verdict(ours().drop(columns="loss"))
        for margin in (0.0, -0.1, np.nan):
            with pytest.raises(ValueError, match="expected a margin above 0"):
                verdict(ours(), margin=margin)


def test_another_model_on_the_same_data_is_not_testable_and_says_why() -> None:
    table = ledger(
        ours(), claims=[CLAIM], dataset_kind="memcat", margin=0.05, other_model="width 0.5"
    )
    assert table["verdict"].item() == "not testable"
    assert table["why"].item() == "another model: width 0.5"
    assert table["ours"].item() == 0.235
