"""The ledger: every verdict, what stands beside it, and the sentence that counts them."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability.claims.counting import badge, by_reading, untestable
from memorability.claims.ledger import MARGINS, OWN, TEST_PART, VERDICTS, ledger
from memorability.claims.published import Claim, find_claim, load_published
from memorability.statistics.equivalence import repeat_error, sampling_error
from memorability.tables.store import SCHEMAS

CLAIMS = load_published()
CLAIM = find_claim(CLAIMS, "table_1.mse")  # 0.235
AREA = find_claim(CLAIMS, "prediction.roc_auc")  # 0.76
FEATURE = find_claim(CLAIMS, "table_2.saturation.memorability")  # 0.157
ELSEWHERE = "external error: theirs"
NAN = float("nan")


def ours(r: float = 0.235, **columns: Any) -> pd.DataFrame:
    """One row that answers the claim about MSE, unless `columns` say otherwise: mean of five seeds."""
    answer = {
        "by": OWN, "claim": "", "reading": "", "quantity": "error", "metric": "mse", "loss": "mse",
        "selected": True, "target": "score", "group": "all", "method": "pooled", "part": "all",
        "data_set": "",
        "statistic": "spearman", "n": 10_000, "share_converged": NAN, "r": r, "ci_low": r - 0.02,
        "ci_high": r + 0.02, "repeats": 5, "repeated": "seeds", "repeat_sd": 0.01,
        "remark": "",
    }  # fmt: skip
    return pd.DataFrame([answer | columns])


def feature(r: float = 0.157, **columns: Any) -> pd.DataFrame:
    """A row that no training enters."""
    known = {"quantity": FEATURE.quantity, "loss": "", "repeats": 0, "repeat_sd": NAN}
    return ours(r, **known | columns)


def area(r: float = 0.76, **columns: Any) -> pd.DataFrame:
    """The area under the curve of one predictor."""
    known = {
        "n": 3177, "quantity": "prediction", "statistic": "roc_auc", "loss": "", "repeats": 1,
        "repeat_sd": NAN, "part": TEST_PART,
    }  # fmt: skip
    return ours(r, **known | columns)


def judged(answers: pd.DataFrame, claim: Claim = CLAIM, **changes: Any) -> pd.DataFrame:
    how: dict[str, Any] = {"dataset_kind": "memcat", "margin": 0.05, "confidence": 0.95}
    return ledger(answers, claims=[claim], **how | changes)


def verdict(answers: pd.DataFrame, claim: Claim = CLAIM, **changes: Any) -> pd.Series:
    table = judged(answers, claim, **changes)
    assert len(table) == 1
    return table.iloc[0]


class TestSameImages:
    @pytest.mark.parametrize(
        ("r", "sd", "expected"),
        [
            (0.235, 0.010, "equivalent"),
            (0.250, 0.010, "equivalent"),
            (0.270, 0.001, "equivalent"),  # within the margin, though it is not 0.235
            (0.260, 0.030, "not contradicted"),  # runs differ too much to tell
            (0.300, 0.010, "differs"),
            (0.280, 0.008, "differs"),  # may be farther than the margin, and is not 0.235
            (-0.235, 0.010, "differs"),
        ],
    )
    def test_the_spread_of_seeds_is_the_error(self, r: float, sd: float, expected: str) -> None:
        found = verdict(ours(r, repeat_sd=sd))
        assert found["verdict"] == expected
        assert (found["data"], found["error_of"]) == ("same images", "5 seeds")
        assert found["test"] == "Fisher's z"
        assert (found["p"] < 0.025) == (expected == "equivalent")
        error = repeat_error(r, sd, 5).value * (1 - r**2)
        assert found["difference_error"] == pytest.approx(error)
        contains = found["difference_ci_low"] <= 0 <= found["difference_ci_high"]
        assert contains == (expected == "not contradicted" or r in (0.235, 0.25))
        assert "5 seeds" in found["why"]
        assert "the published 0.235" in found["why"]

    def test_our_interval_for_new_images_does_not_decide(self) -> None:
        wide = ours(0.25, ci_low=0.0, ci_high=0.5)
        assert verdict(wide)["verdict"] == "equivalent"
        assert list(verdict(wide)[["ours_ci_low", "ours_ci_high"]]) == [0.0, 0.5]

    def test_more_seeds_tell_more(self) -> None:
        two, ten = (verdict(ours(0.25, repeats=count)) for count in (2, 10))
        assert (two["verdict"], ten["verdict"]) == ("not contradicted", "equivalent")
        assert two["power"] < 0.5 < ten["power"]

    @pytest.mark.parametrize(
        ("r", "expected", "place"),
        [
            (0.26, "close (one run)", ", within 0.05:"),
            (0.30, "far (one run)", "farther than 0.05:"),
        ],
    )
    def test_one_run_cannot_be_told_from_another_seeds(
        self, r: float, expected: str, place: str
    ) -> None:
        found = verdict(ours(r, repeats=1, repeat_sd=NAN))
        assert (found["verdict"], found["error_of"], found["test"]) == (
            expected,
            "one run",
            "one run",
        )
        assert place in found["why"]
        assert "cannot be told from another seed's" in found["why"]
        assert np.isnan(
            found[["p", "power", "difference_error", "difference_ci_low"]].tolist()
        ).all()
        assert "another seed" not in verdict(ours(r))["why"]

    @pytest.mark.parametrize(("r", "expected"), [(0.2, "equivalent"), (0.21, "differs")])
    def test_where_nothing_is_left_to_chance_the_margin_decides(
        self, r: float, expected: str
    ) -> None:
        found = verdict(feature(r, n=3177, part=TEST_PART), FEATURE)
        assert (found["verdict"], found["error_of"]) == (expected, "nothing")
        assert found["why"].endswith("and nothing differs by chance")
        assert found["difference_ci_low"] == pytest.approx(found["difference"])

    def test_a_published_number_is_known_to_its_last_digit_alone(self) -> None:
        claim = find_claim(CLAIMS, "decay.epoch_20")  # 0.22
        row = {"quantity": claim.quantity, "loss": claim.loss, "repeat_sd": 1e-9, "repeats": 2}
        assert verdict(ours(0.2249, **row), claim, margin=0.001)["verdict"] == "not contradicted"
        assert verdict(ours(0.2251, **row), claim, margin=0.001)["verdict"] == "differs"

    def test_confidence_is_that_of_both_tests(self) -> None:
        row = ours(0.252, repeat_sd=0.0125)
        assert verdict(row, confidence=0.95)["verdict"] == "not contradicted"
        assert verdict(row, confidence=0.90)["verdict"] == "equivalent"


class TestOtherImages:
    def test_the_sampling_of_images_counts_where_they_are_others_of_the_set(self) -> None:
        whole = verdict(feature(), FEATURE)
        assert (whole["data"], whole["error_of"]) == ("published set", "images")
        error = sampling_error(0.157, 10_000, 3177, 10_000).value
        assert whole["difference_error"] == pytest.approx(error * (1 - 0.157**2))
        assert whole["verdict"] == "equivalent"
        own_split = verdict(feature(0.18, n=3177), FEATURE)  # as many images, but others
        assert (own_split["data"], own_split["error_of"]) == ("published set", "images")
        assert own_split["difference_error"] > whole["difference_error"]
        assert own_split["verdict"] == "not contradicted"

    def test_seeds_count_besides(self) -> None:
        found = verdict(ours(n=9_500))
        assert found["error_of"] == "images and 5 seeds"
        assert found["difference_error"] > verdict(ours())["difference_error"]

    def test_other_data_have_a_difference_but_no_test(self) -> None:
        found = verdict(ours(n=387), dataset_kind="folder")
        assert found["difference"] == 0
        assert (found["test"], found["error_of"]) == ("", "")
        assert np.isnan(found[["p", "power", "difference_error"]].tolist()).all()


class TestMargins:
    def test_verdicts_stand_at_three_margins_beside_the_study_s_own(self) -> None:
        assert dict(MARGINS) == {"verdict_02": 0.02, "verdict_05": 0.05, "verdict_10": 0.1}
        found = verdict(ours(0.265, repeat_sd=0.004), margin=0.03)
        assert found[list(MARGINS)].tolist() == ["differs", "equivalent", "equivalent"]
        assert found["verdict"] == "differs"
        one = verdict(ours(0.265, repeats=1))
        assert one[list(MARGINS)].tolist() == ["far (one run)", *["close (one run)"] * 2]

    def test_descriptions_have_none(self) -> None:
        claim = find_claim(CLAIMS, "dataset.images")
        row = ours(10_000, quantity="images", statistic="count", repeats=0)
        assert set(verdict(row, claim)[list(MARGINS)]) == {""}

    def test_what_is_not_testable_is_not_at_any_margin(self) -> None:
        found = verdict(ours(), other_model="width 0.5")
        assert set(found[list(MARGINS)]) == {"not testable"}


class TestReadings:
    def rows(self) -> pd.DataFrame:
        claim = find_claim(CLAIMS, "table_2.saturation.ig")  # 0.413
        known = {
            "quantity": claim.quantity, "loss": "", "target": "attribution", "repeats": 1,
            "part": TEST_PART, "n": 3_000, "share_converged": 3_000 / 3_177,
            "remark": "as far as known",
        }  # fmt: skip
        rows = [
            ours(r, reading=name, **known) for name, r in (("signed", 0.42), ("absolute", -0.1))
        ]
        return judged(pd.concat(rows), claim)

    def test_each_reading_has_its_row(self) -> None:
        table = self.rows()
        assert table["reading"].tolist() == ["signed", "absolute"]
        assert table["verdict"].tolist() == ["close (one run)", "far (one run)"]
        assert table["why"].str.endswith("; as far as known").all()
        assert (
            judged(ours(remark="as far as known"), dataset_kind="folder")["why"]
            .iloc[0]
            .endswith("MemCat")
        )
        assert by_reading(table) == (
            "The paper does not say which average attribution it means (1 of its numbers): by the "
            "signed 1 close (one run); by the absolute 1 far (one run)."
        )
        assert badge(table).startswith("None of the 1 published numbers is testable here but by")

    def test_none_where_no_number_has_several_readings(self) -> None:
        assert by_reading(judged(ours())) == ""


class TestDescriptions:
    @pytest.mark.parametrize(
        ("claim_id", "value", "expected"),
        [
            ("dataset.images", 10_000, "as printed"),
            ("dataset.images", 9_990, "differs"),
            ("dataset.mean_score", 0.69314, "as printed"),
            ("dataset.mean_score", 0.6936, "differs"),
            ("split.train", 5892, "as printed"),
            ("split.train", 6000, "differs"),
        ],
    )
    def test_what_describes_the_data_is_compared_digit_by_digit(
        self, claim_id: str, value: float, expected: str
    ) -> None:
        claim = find_claim(CLAIMS, claim_id)
        row = ours(
            value, ci_low=NAN, ci_high=NAN, quantity=claim.quantity, statistic=claim.statistic,
            repeats=0,
        )  # fmt: skip
        found = verdict(row, claim)
        assert (found["verdict"], found["test"]) == (expected, "printed digits")
        assert found["margin"] == claim.half_digit
        assert math.isnan(found["p"])
        assert math.isnan(found["power"])


class TestNotTestable:
    def test_other_data_are_shown_and_marked_but_never_tested(self) -> None:
        found = verdict(ours(n=120, ci_low=0.215), dataset_kind="sample")
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
        rows = [ours(0.31, metric=name, **known) for name in ("nearest_neighbour", "lof")]
        assert verdict(pd.concat(rows), claim)["verdict"] == "equivalent"
        assert verdict(rows[1], claim)["verdict"] == "not testable"

    @pytest.mark.parametrize(
        ("row", "why"),
        [
            (ours(NAN), "our number is undefined"),
            (ours(0.2, ci_low=NAN), "our number has no confidence interval"),
            (ours(-1.0, n=2), "other data: 2 images of MemCat, published on 10,000"),
        ],
    )
    def test_an_undefined_figure_is_not_tested(self, row: pd.DataFrame, why: str) -> None:
        found = verdict(row)
        assert (found["verdict"], found["why"]) == ("not testable", why)

    def test_a_correlation_does_not_answer_an_area_under_the_curve(self) -> None:
        found = verdict(area(statistic="spearman"), AREA)
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
        assert verdict(feature(), FEATURE, other_model="width 0.5")["verdict"] == "equivalent"


class TestElsewhere:
    def test_an_error_made_elsewhere_answers_by_the_id_that_it_names_and_is_labelled(self) -> None:
        row = ours(0.235, by=ELSEWHERE, claim=CLAIM.id, loss="theirs")
        found = verdict(row, other_model="width 0.5")
        assert (found["verdict"], found["by"]) == ("equivalent", ELSEWHERE)

    def test_it_stands_beside_the_study_s_own(self) -> None:
        rows = [ours(0.235), ours(0.1, by=ELSEWHERE, claim=CLAIM.id, loss="theirs")]
        table = judged(pd.concat(rows))
        assert list(table["by"]) == [OWN, ELSEWHERE]
        assert list(table["verdict"]) == ["equivalent", "differs"]

    @pytest.mark.parametrize("columns", [{"target": "score_uncorrected"}, {"group": "food"}])
    def test_it_is_held_to_the_target_and_to_all_images(self, columns: dict[str, str]) -> None:
        row = ours(0.235, by=ELSEWHERE, claim=CLAIM.id, **columns)
        assert verdict(row)["verdict"] == "not testable"

    def test_two_answers_of_one_source_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"2 numbers of this study .* 'table_1\.mse'"):
            judged(pd.concat([ours(), ours(0.1)]))


class TestLaws:
    @given(
        st.floats(-0.99, 0.99),
        st.floats(0.0, 0.1),
        st.integers(0, 6),
        st.integers(4, 60_000),
        st.sampled_from(CLAIMS),
        st.sampled_from(["memcat", "lamem", "folder"]),
        st.floats(0.01, 0.3),
        st.sampled_from(["", "width 0.5"]),
    )
    def test_every_figure_has_one_verdict_by_the_rules_that_the_page_states(
        self, r: float, sd: float, repeats: int, n: int, claim: Claim, kind: str, margin: float,
        model: str,
    ) -> None:  # fmt: skip
        row = ours(
            r, n=n, quantity=claim.quantity, loss=claim.loss, metric=claim.metric,
            target=claim.target, statistic=claim.statistic, repeats=repeats,
            repeat_sd=sd if repeats > 1 else NAN,
        )  # fmt: skip
        found = verdict(row, claim, dataset_kind=kind, margin=margin, other_model=model)
        half = claim.half_digit
        near = found["difference_ci_low"] <= half and found["difference_ci_high"] >= -half
        if kind != claim.dataset or (model and claim.of_model):
            assert found["verdict"] == "not testable"
        if found["data"] == "other data":
            assert found["verdict"] == "not testable"
        elif found["verdict"] != "not testable" and found["test"] == "Fisher's z":
            expected = (
                "equivalent" if found["p"] < 0.025 else "not contradicted" if near else "differs"
            )
            assert found["verdict"] == expected
        elif found["verdict"] != "not testable" and found["test"] == "one run":
            assert found["verdict"].startswith("close" if abs(r - claim.value) <= margin else "far")
        assert found["verdict"] in VERDICTS

    def test_all_claims_keep_their_order_and_the_table_its_columns(self) -> None:
        rows = pd.concat([ours(0.235), feature(0.3)])
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
            ours(0.235),
            ours(0.1, loss="style"),
            feature(0.3),
        ]
        table = ledger(
            pd.concat(rows), claims=CLAIMS, dataset_kind="memcat", margin=0.05, confidence=0.95
        )
        assert badge(table) == (
            f"3 of {len(CLAIMS)} published numbers testable here: 1 equivalent within ±0.05, 2 differ."
        )

    def test_what_is_of_one_run_is_counted_and_said_to_be(self) -> None:
        rows = [
            ours(0.235),
            ours(0.3, loss="ms_ssim", repeats=1),
            ours(0.39, loss="style", repeats=1),
        ]
        found = badge(
            ledger(
                pd.concat(rows), claims=CLAIMS, dataset_kind="memcat", margin=0.05, confidence=0.95
            )
        )
        assert found == (
            f"3 of {len(CLAIMS)} published numbers testable here: 1 equivalent within ±0.05, "
            "1 close (one run), 1 far (one run). What is of one run cannot be told from what another "
            "seed would give."
        )
        assert "another seed" not in badge(judged(ours()))

    def test_a_figure_counts_once_and_by_the_study_s_own(self) -> None:
        rows = [ours(0.1, by=ELSEWHERE, claim=CLAIM.id), ours(0.235)]
        assert badge(judged(pd.concat(rows))) == (
            "1 of 1 published numbers testable here: 1 equivalent within ±0.05."
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
