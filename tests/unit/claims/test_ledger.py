"""The ledger: every verdict, what stands beside it, and the sentence that counts them."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability.claims.ledger import OWN, VERDICTS, badge, ledger, untestable
from memorability.claims.published import Claim, find_claim, load_published
from memorability.statistics.equivalence import fisher_interval
from memorability.tables.store import SCHEMAS

CLAIMS = load_published()
CLAIM = find_claim(CLAIMS, "table_1.mse")  # 0.235
AREA = find_claim(CLAIMS, "prediction.roc_auc")  # 0.76
ELSEWHERE = "external error: theirs"
NAN = float("nan")


def ours(r: float = 0.235, low: float = 0.215, high: float = 0.255, **columns: Any) -> pd.DataFrame:
    """One row that answers the claim about MSE, unless `columns` say otherwise."""
    answer = {
        "by": OWN, "claim": "", "quantity": "error", "metric": "mse", "loss": "mse",
        "selected": True, "target": "score", "group": "all", "method": "pooled",
        "statistic": "spearman", "n": 10_000, "r": r, "ci_low": low, "ci_high": high,
    }  # fmt: skip
    return pd.DataFrame([answer | columns])


def fisher(r: float, n: int = 10_000, **columns: Any) -> pd.DataFrame:
    """The same with the interval that r has over n images."""
    low, high = fisher_interval(r, n, confidence=0.95)
    return ours(r, low, high, n=n, **columns)


def area(r: float, low: float, high: float, **columns: Any) -> pd.DataFrame:
    columns = {"n": 3177, "quantity": "prediction", "statistic": "roc_auc", "loss": ""} | columns
    return ours(r, low, high, **columns)


def judged(answers: pd.DataFrame, claim: Claim = CLAIM, **changes: Any) -> pd.DataFrame:
    how: dict[str, Any] = {"dataset_kind": "memcat", "margin": 0.05, "confidence": 0.95}
    return ledger(answers, claims=[claim], **how | changes)


def verdict(answers: pd.DataFrame, claim: Claim = CLAIM, **changes: Any) -> pd.Series:
    table = judged(answers, claim, **changes)
    assert len(table) == 1
    return table.iloc[0]


class TestCorrelations:
    @pytest.mark.parametrize(
        ("r", "n", "expected"),
        [
            (0.235, 10_000, "equivalent"),
            (0.260, 10_000, "equivalent"),  # though its interval does not contain 0.235
            (0.270, 10_000, "differs"),  # may be beyond 0.285, and is not 0.235
            (0.235, 1_200, "reproduced"),  # contains 0.235, but too few images to tell
            (0.30, 10_000, "differs"),
            (-0.235, 10_000, "differs"),
        ],
    )
    def test_on_the_published_data(self, r: float, n: int, expected: str) -> None:
        claim = CLAIM if n == 10_000 else Claim(**{**vars(CLAIM), "n": n})
        found = verdict(fisher(r, n), claim)
        assert found["verdict"] == expected
        assert "the published 0.235" in found["why"]
        assert (found["p"] < 0.025) == (expected == "equivalent")
        assert (found["test"], found["data"]) == ("Fisher's z", "published set")

    def test_margin_decides_between_equivalent_and_reproduced(self) -> None:
        assert verdict(fisher(0.235), margin=0.05)["verdict"] == "equivalent"
        found = verdict(fisher(0.235), margin=0.01)
        assert found["verdict"] == "reproduced"
        assert "contains the published 0.235, but ours may be farther than 0.01" in found["why"]

    def test_confidence_is_that_of_both_tests(self) -> None:
        row = fisher(0.267)  # p about 0.035
        assert verdict(row, confidence=0.95)["verdict"] == "differs"
        assert verdict(row, confidence=0.90)["verdict"] == "equivalent"

    def test_what_stands_beside_the_verdict(self) -> None:
        found = verdict(ours(0.25, 0.23, 0.27))
        assert found["difference"] == pytest.approx(0.015)
        assert found["difference_ci_low"] == pytest.approx(-0.005)
        assert found["difference_ci_high"] == pytest.approx(0.035)
        assert (found["published"], found["published_ci_low"], found["margin"]) == (
            0.235, 0.229, 0.05,
        )  # fmt: skip
        assert (found["by"], found["statistic"], found["n"]) == (OWN, "spearman", 10_000)
        assert found["power"] > 0.99

    def test_few_images_have_little_power(self) -> None:
        found = verdict(fisher(0.235, 387), dataset_kind="folder")
        assert found["power"] == 0
        assert found["p"] > 0.05


class TestOtherStatistics:
    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (0.74, 0.78, "equivalent"),
            (0.70, 0.82, "reproduced"),
            (0.62, 0.70, "differs"),
        ],
    )
    def test_are_tested_by_their_bootstrap_interval(
        self, low: float, high: float, expected: str
    ) -> None:
        found = verdict(area((low + high) / 2, low, high), AREA)
        assert (found["verdict"], found["test"]) == (expected, "bootstrap interval")

    @pytest.mark.parametrize(
        ("claim_id", "value", "expected"),
        [
            ("dataset.images", 10_000, "reproduced"),
            ("dataset.images", 9_990, "differs"),
            ("dataset.mean_score", 0.69314, "reproduced"),
            ("dataset.mean_score", 0.6936, "differs"),
            ("split.train", 5892, "reproduced"),
            ("split.train", 6000, "differs"),
        ],
    )
    def test_what_describes_the_data_is_compared_digit_by_digit(
        self, claim_id: str, value: float, expected: str
    ) -> None:
        claim = find_claim(CLAIMS, claim_id)
        row = ours(value, NAN, NAN, quantity=claim.quantity, statistic=claim.statistic)
        found = verdict(row, claim)
        assert (found["verdict"], found["test"]) == (expected, "printed digits")
        assert found["margin"] == claim.half_digit
        assert math.isnan(found["p"])
        assert math.isnan(found["power"])


class TestNotTestable:
    def test_other_data_are_shown_and_marked_but_never_tested(self) -> None:
        found = verdict(ours(n=120), dataset_kind="sample")
        assert (found["verdict"], found["data"]) == ("not testable", "other data")
        assert found["why"] == "other data: 120 images of data set 'sample', published on MemCat"
        assert (found["ours"], found["ours_ci_low"], found["n"]) == (0.235, 0.215, 120)
        assert verdict(ours(), dataset_kind="lamem")["verdict"] == "not testable"

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
        claim = find_claim(CLAIMS, claim_id)
        row = ours(n=n, quantity=claim.quantity, loss=claim.loss)
        found = verdict(row, claim)
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
            {"statistic": "roc_auc"},
            {"claim": "table_1.style"},
        ],
    )
    def test_only_the_matching_row_answers(self, columns: dict[str, Any]) -> None:
        found = verdict(ours(**columns))
        assert found["verdict"] == "not testable"
        assert found["why"] == (
            "nothing computed: the study has no correlation of 'error' with loss 'mse' "
            "with target 'score'"
        )
        numbers = ["ours", "ours_ci_low", "difference", "difference_ci_high", "p", "power"]
        assert np.isnan(found[numbers].astype(float)).all()
        assert pd.isna(found["n"])
        assert (found["by"], found["data"], found["test"]) == ("", "", "")

    def test_where_the_way_of_measuring_matters_others_do_not_answer(self) -> None:
        claim = find_claim(CLAIMS, "distinctiveness")
        known = {"quantity": "distinctiveness", "loss": "lpips_squeeze"}
        rows = [fisher(0.31, metric=name, **known) for name in ("nearest_neighbour", "lof")]
        assert verdict(pd.concat(rows), claim)["verdict"] == "equivalent"
        assert verdict(rows[1], claim)["verdict"] == "not testable"

    @pytest.mark.parametrize(
        ("row", "why"),
        [
            (ours(NAN, NAN, NAN), "our number is undefined"),
            (ours(0.2, NAN, NAN), "our number has no confidence interval"),
            (ours(-1.0, -1.0, 1.0, n=2), "other data: 2 images of MemCat, published on 10,000"),
        ],
    )
    def test_an_undefined_figure_is_not_tested(self, row: pd.DataFrame, why: str) -> None:
        found = verdict(row)
        assert (found["verdict"], found["why"], found["test"]) == ("not testable", why, "")

    def test_a_correlation_does_not_answer_an_area_under_the_curve(self) -> None:
        found = verdict(area(0.76, 0.75, 0.77, statistic="spearman"), AREA)
        assert found["why"] == "nothing computed: the study has no roc_auc of 'prediction'"

    def test_what_a_study_does_not_compute_says_why(self) -> None:
        claim = find_claim(CLAIMS, "table_2.object_count.memorability")
        reasons = {"feature:object_count": "weights.source is random"}
        found = verdict(ours().iloc[:0], claim, unavailable=reasons)
        assert found["verdict"] == "not testable"
        assert found["why"] == "nothing computed: weights.source is random"
        other = verdict(ours().iloc[:0], claim, unavailable={"feature:other": "no"})
        assert "no correlation of 'feature:object_count'" in other["why"]

    def test_another_model_on_the_same_data_says_why(self) -> None:
        found = verdict(ours(), other_model="width 0.5")
        assert (found["verdict"], found["why"]) == ("not testable", "another model: width 0.5")
        assert found["ours"] == 0.235
        feature = find_claim(CLAIMS, "table_2.saturation.memorability")
        row = fisher(0.157, quantity=feature.quantity, loss="")
        assert verdict(row, feature, other_model="width 0.5")["verdict"] == "equivalent"


class TestElsewhere:
    def test_an_error_made_elsewhere_answers_by_the_id_that_it_names_and_is_labelled(self) -> None:
        row = fisher(0.235, by=ELSEWHERE, claim=CLAIM.id, loss="theirs")
        found = verdict(row, other_model="width 0.5")
        assert (found["verdict"], found["by"]) == ("equivalent", ELSEWHERE)

    def test_it_stands_beside_the_study_s_own(self) -> None:
        rows = [fisher(0.235), fisher(0.1, by=ELSEWHERE, claim=CLAIM.id, loss="theirs")]
        table = judged(pd.concat(rows))
        assert list(table["by"]) == [OWN, ELSEWHERE]
        assert list(table["verdict"]) == ["equivalent", "differs"]

    @pytest.mark.parametrize("columns", [{"target": "score_uncorrected"}, {"group": "food"}])
    def test_it_is_held_to_the_target_and_to_all_images(self, columns: dict[str, str]) -> None:
        row = fisher(0.235, by=ELSEWHERE, claim=CLAIM.id, **columns)
        assert verdict(row)["verdict"] == "not testable"

    def test_two_answers_of_one_source_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"2 numbers of this study .* 'table_1\.mse'"):
            judged(pd.concat([ours(), ours(0.1)]))


class TestLaws:
    @given(
        st.floats(-0.99, 0.99),
        st.floats(0.001, 0.2),
        st.integers(4, 60_000),
        st.sampled_from(CLAIMS),
        st.sampled_from(["memcat", "lamem", "folder"]),
        st.floats(0.01, 0.3),
        st.sampled_from(["", "width 0.5"]),
    )
    def test_every_figure_has_one_verdict_by_the_rules_that_the_page_states(
        self, r: float, half: float, n: int, claim: Claim, kind: str, margin: float, model: str
    ) -> None:
        row = ours(
            r, max(r - half, -1), min(r + half, 1), n=n, quantity=claim.quantity, loss=claim.loss,
            metric=claim.metric, target=claim.target, statistic=claim.statistic,
        )  # fmt: skip
        found = verdict(row, claim, dataset_kind=kind, margin=margin, other_model=model)
        contains = found["ours_ci_low"] <= claim.value <= found["ours_ci_high"]
        if kind != claim.dataset or (model and claim.of_model):
            assert found["verdict"] == "not testable"
        if found["data"] == "other data":
            assert found["verdict"] == "not testable"
        elif found["verdict"] != "not testable" and found["test"] != "printed digits":
            expected = (
                "equivalent" if found["p"] < 0.025 else "reproduced" if contains else "differs"
            )
            assert found["verdict"] == expected
        assert found["verdict"] in VERDICTS

    def test_all_claims_keep_their_order_and_the_table_its_columns(self) -> None:
        rows = pd.concat([fisher(0.235), fisher(0.3, quantity="feature:saturation", loss="")])
        table = ledger(rows, claims=CLAIMS, dataset_kind="memcat", margin=0.05, confidence=0.95)
        schema = SCHEMAS["claims"][1]
        assert list(table.columns) == list(schema.columns)
        schema.validate(table)
        assert list(table["claim"]) == [c.id for c in CLAIMS]
        verdicts = table.set_index("claim")["verdict"]
        assert verdicts["table_1.mse"] == "equivalent"
        assert verdicts["table_2.saturation.memorability"] == "differs"
        assert (verdicts == "not testable").sum() == len(CLAIMS) - 2

    def test_no_results_at_all(self) -> None:
        table = judged(ours().iloc[:0])
        assert list(table["verdict"]) == ["not testable"]

    def test_refuses_missing_columns_and_useless_margins(self) -> None:
        with pytest.raises(ValueError, match=r"lacks the columns \['loss'\]"):
            judged(ours().drop(columns="loss"))
        for margin in (0.0, -0.1, NAN):
            with pytest.raises(ValueError, match="expected a margin above 0"):
                judged(ours(), margin=margin)


class TestBadge:
    def test_counts_verdicts_and_what_is_testable(self) -> None:
        rows = [
            fisher(0.235),
            fisher(0.1, loss="style"),
            fisher(0.3, quantity="feature:saturation", loss=""),
        ]
        table = ledger(
            pd.concat(rows), claims=CLAIMS, dataset_kind="memcat", margin=0.05, confidence=0.95
        )
        assert badge(table) == (
            f"3 of {len(CLAIMS)} published numbers testable here: 1 equivalent, 2 differ."
        )

    def test_a_figure_counts_once_and_by_the_study_s_own(self) -> None:
        rows = [fisher(0.1, by=ELSEWHERE, claim=CLAIM.id), fisher(0.235)]
        assert badge(judged(pd.concat(rows))) == (
            "1 of 1 published numbers testable here: 1 equivalent."
        )
        assert badge(judged(rows[0])).endswith(": 1 differs.")
        other = judged(pd.concat(rows), other_model="width 0.5")
        assert badge(other).endswith(": 1 differs.")

    def test_nothing_testable(self) -> None:
        table = judged(ours(), dataset_kind="folder")
        assert badge(table) == "This study can test none of the 1 published numbers."

    def test_what_is_not_testable_is_counted_by_reason_in_one_sentence(self) -> None:
        of_folder = ledger(
            ours(), claims=CLAIMS, dataset_kind="folder", margin=0.05, confidence=0.95
        )
        assert untestable(of_folder) == (
            f"Not testable here: {len(CLAIMS) - 1} that this study does not compute, 1 about other "
            "data than this study has. claims.tsv lists them, with our numbers "
            "where there are any."
        )
        assert untestable(judged(ours())) == ""
