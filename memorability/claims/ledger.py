"""The ledger: every published number beside ours, with a test of equivalence and a verdict.

On the data that a number was published on, with `published ± margin` as the band of values too close
to matter:

- *as printed*: of numbers that describe the data, ours is rounded to the printed one;
- *equivalent*: two one-sided tests place ours inside the band;
- *not contradicted*: they do not, but the difference is not shown to be other than 0;
- *differs*: neither;
- *close (one run)* and *far (one run)*: ours is inside or outside the band, but it is of one training,
  and cannot be told from what another seed would give.

On other data, with another model, or where nothing was computed, the verdict is *not testable*. What
the difference varies by is its error: on the same images that of training alone (seeds), else that of
drawing images, too. The published intervals do not enter: those of Table 1 are narrower than
resampling 10,000 images of one run gives, so overlap with them would test nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from memorability.claims.published import DESCRIPTIVE, PUBLISHED_ON, Claim
from memorability.statistics.equivalence import (
    Equivalence,
    Error,
    fisher_interval,
    repeat_error,
    sampling_error,
    together,
    tost_correlation,
)

OWN = "this study"
"""Value of the column `by` where a number of ours is computed by the study itself."""

VERDICTS = (
    "as printed", "equivalent", "not contradicted", "close (one run)", "differs", "far (one run)",
    "not testable",
)  # fmt: skip

MARGINS: Mapping[str, float] = {"verdict_02": 0.02, "verdict_05": 0.05, "verdict_10": 0.10}
"""Column -> margin that it has the verdict for, whatever the study's own margin is."""

LEAST_SHARE = 0.9
"""Share of the published data set from which on a study counts as one of the same data."""

TEST_PART = "published test images"
"""Value of the column `part` of numbers about the test images of the published split."""

_ANSWER_COLUMNS = {
    "by", "claim", "reading", "statistic", "quantity", "metric", "loss", "selected", "target", "group",
    "method", "part", "data_set", "n", "share_converged", "r", "ci_low", "ci_high", "repeats",
    "repeated", "repeat_sd", "remark",
}  # fmt: skip


def ledger(
    answers: pd.DataFrame,
    *,
    claims: Sequence[Claim],
    dataset_kind: str,
    margin: float,
    confidence: float,
    other_model: str = "",
    unavailable: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """Set each published number beside ours and return the verdicts.

    A number is tested on its own data set, when ours has at least 90 % of its images or the published
    number of images within 10 %. Elsewhere our value is shown, marked as one of other data, and the
    verdict is "not testable".

    Parameters
    ----------
    answers
        Our numbers, as from `memorability.claims.answers.our_figures`: columns by (`OWN`, or who
        made what the number rests on), claim (the id that the number answers, "" where the other
        columns say it), reading (which of several that the paper leaves open, or ""), statistic,
        quantity, metric, loss, selected (bool: the best learning rate of its loss, or the only one),
        target, group, method, part ("all" or `TEST_PART`), data_set (kind of the data set of the
        images, "" for the study's), n, share_converged (of the images whose
        attributions were computed; NaN elsewhere), r (the number), ci_low, ci_high, repeats (how often
        what chance decides was repeated: seeds; 0 where it decides nothing), repeated (what the
        repeats are, in the plural), repeat_sd (standard deviation of r over them, NaN of one) and
        remark (what stands behind the verdict, or "").
        Of those without a claim only selected rows of group "all" and method "pooled" are compared.
    claims
        The published numbers.
    dataset_kind
        Kind of data set of the study, for example "memcat".
    margin
        Half-width of the band around the published value, above 0, in units of the statistic. Figures
        that describe the data have half of their last printed digit instead.
    confidence
        Coverage of our intervals. Each one-sided test is made at the level (1 − confidence) / 2, at
        which it agrees with the question whether an interval of ours lies inside the band.
    other_model
        In what our runs are not those of the paper, in words; empty where nothing of it differs. It
        concerns numbers of `OWN` that depend on the model.
    unavailable
        Quantity -> why the study does not compute it.

    Returns
    -------
    pandas.DataFrame
        In the order of the claims, a row per claim, source and reading of a number of ours, or one
        where there is none: claim, by, reading, statement, source, statistic, published,
        published_ci_low, published_ci_high, ours, ours_ci_low, ours_ci_high, n (Int64),
        share_converged, difference (ours − published), difference_error (standard error, in units of
        the statistic), difference_ci_low, difference_ci_high (all three NaN of one run and of other
        data), error_of (what the error is that of: "5 seeds", "images and 5 seeds", "nothing", "one
        run"), margin, test
        ("Fisher's z", "one run", "printed digits", "" where there is none), p (of the test), power
        (probability of "equivalent" if the published value is the true one), data ("same images",
        "published set" for others of it, "other data", "" where nothing was computed), verdict (of
        `VERDICTS`), the same at each of `MARGINS` ("" of descriptions, which have no margin), why.

    Raises
    ------
    ValueError
        If columns are missing, the margin is not positive, or several rows of one source and reading
        answer one claim.
    """
    missing = sorted(_ANSWER_COLUMNS - set(answers.columns))
    if missing or not margin > 0:
        raise ValueError(
            f"the ledger was asked for with margin {margin} and a table of numbers that lacks "
            f"the columns {missing}; expected a margin above 0 and {sorted(_ANSWER_COLUMNS)}; "
            "pass the study's own numbers and its margin"
        )
    rows = [
        _row(claim, ours, dataset_kind, margin, confidence, other_model, unavailable)
        for claim in claims
        for ours in _answers(answers, claim)
    ]
    return pd.DataFrame(rows).astype({"n": "Int64"})


@dataclass(frozen=True)
class _Ours:
    """Our answer to a claim: columns of the table of answers by their names there."""

    by: str = ""
    reading: str = ""
    part: str = "all"
    data_set: str = ""
    n: int = 0
    share_converged: float = math.nan
    r: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    repeats: int = 0
    repeated: str = ""
    repeat_sd: float = math.nan
    remark: str = ""


@dataclass(frozen=True)
class _Difference:
    """A number of ours less the published one, and what that varies by.

    Attributes
    ----------
    ours, claim
        The two numbers.
    error
        Of the difference, on Fisher's z; None where it is not known, or there is nothing to test.
    error_of
        What it is the error of, in words; "one run" where it is not known for that reason.
    confidence
        Of its interval.
    """

    ours: _Ours
    claim: Claim
    error: Error | None
    error_of: str
    confidence: float

    @property
    def value(self) -> float:
        return self.ours.r - self.claim.value

    @property
    def level(self) -> float:
        return (1 - self.confidence) / 2

    @property
    def interval(self) -> tuple[float, float]:
        if self.error is None:
            return math.nan, math.nan
        bounds = fisher_interval(self.ours.r, self.error, confidence=self.confidence)
        return bounds[0] - self.claim.value, bounds[1] - self.claim.value

    def tost(self, margin: float) -> Equivalence:
        """Return the test of equivalence, NaN where there is none."""
        if self.error is None:
            return Equivalence(math.nan, math.nan)
        return tost_correlation(
            self.ours.r, self.error, reference=self.claim.value, margin=margin, level=self.level
        )

    def verdict(self, margin: float) -> str:
        """Return the verdict on a number whose data we share."""
        if self.error_of == "one run":
            return "close (one run)" if abs(self.value) <= margin else "far (one run)"
        if self.tost(margin).p < self.level:
            return "equivalent"
        low, high = self.interval
        # What was published is known to its last digit alone.
        near = low <= self.claim.half_digit and high >= -self.claim.half_digit
        return "not contradicted" if near else "differs"

    def why(self, margin: float) -> str:
        """Return what the verdict rests on."""
        published, beyond = f"the published {self.claim.value:g}", f"farther than {margin:g}"
        verdict = self.verdict(margin)
        if self.error_of == "one run":
            place = f"within {margin:g}" if verdict.startswith("close") else beyond
            return (
                f"one run, {abs(self.value):.3f} from {published}, {place}: it cannot be told from "
                "another seed's"
            )
        if self.error_of == "nothing":
            place = f"within {margin:g} of" if verdict == "equivalent" else f"{beyond} from"
            return f"ours is {place} {published}, and nothing differs by chance"
        p = self.tost(margin).p
        shown = f"p {p:.3f}" if p >= 0.001 else "p < 0.001"
        if verdict == "equivalent":
            return f"ours is within {margin:g} of {published} ({shown}; error of {self.error_of})"
        bounds = "{:.3f} to {:.3f}".format(*self.interval)
        interval = f"the interval of the difference ({bounds}; {self.error_of})"
        if verdict == "not contradicted":
            return (
                f"{interval} contains 0 to the printed digits, but ours may be {beyond} from "
                f"{published} ({shown})"
            )
        return f"{interval} does not contain 0, and ours may be {beyond} from {published} ({shown})"


def _row(
    claim: Claim,
    ours: _Ours,
    dataset_kind: str,
    margin: float,
    confidence: float,
    other_model: str,
    unavailable: Mapping[str, str],
) -> dict[str, object]:
    dataset_kind = ours.data_set or dataset_kind
    descriptive = claim.statistic in DESCRIPTIVE
    margin = claim.half_digit if descriptive else margin
    data = _data(ours, claim, dataset_kind)
    found = _difference(ours, claim, data, confidence)
    obstacle = _obstacle(
        ours, claim, data, dataset_kind, other_model, unavailable.get(claim.quantity, "")
    )
    low, high = found.interval
    test = found.tost(margin)
    of_test = "Fisher's z" if found.error else "one run" if found.error_of == "one run" else ""
    at_margins = {name: found.verdict(at) for name, at in MARGINS.items()} if not obstacle else {}
    if descriptive:
        at_margins = dict.fromkeys(MARGINS, "")
    verdict, why = ("not testable", obstacle) if obstacle else (
        _printed(ours, claim) if descriptive else (found.verdict(margin), found.why(margin))
    )  # fmt: skip
    if ours.remark and not obstacle:
        why += f"; {ours.remark}"
    return {
        "claim": claim.id,
        "by": ours.by,
        "reading": ours.reading,
        "statement": claim.statement,
        "source": claim.source,
        "statistic": claim.statistic,
        "published": float(claim.value),
        "published_ci_low": claim.ci_low,
        "published_ci_high": claim.ci_high,
        "ours": ours.r,
        "ours_ci_low": ours.ci_low,
        "ours_ci_high": ours.ci_high,
        "n": ours.n if ours.by else pd.NA,
        "share_converged": ours.share_converged,
        "difference": found.value,
        "difference_error": found.error.value * (1 - ours.r**2) if found.error else math.nan,
        "difference_ci_low": low,
        "difference_ci_high": high,
        "error_of": found.error_of,
        "margin": margin,
        "test": "printed digits" if descriptive and ours.by else of_test,
        "p": test.p,
        "power": test.power,
        "data": data,
        "verdict": verdict,
        **{name: at_margins.get(name, "not testable") for name in MARGINS},
        "why": why,
    }


def _answers(answers: pd.DataFrame, claim: Claim) -> list[_Ours]:
    """Return our answers to a claim, at most one per source and reading, or one of nothing."""
    alike = {
        "statistic": claim.statistic, "target": claim.target, "metric": claim.metric, "group": "all",
        "method": "pooled", "selected": True,
    }  # fmt: skip
    own = {"claim": "", "quantity": claim.quantity, "loss": claim.loss}
    found = _where(answers, alike)
    found = pd.concat([_where(found, own), found[found["claim"] == claim.id]])
    repeated = found.loc[found.duplicated(["by", "reading"]), "by"]
    if len(repeated):
        raise ValueError(
            f"{(found['by'] == repeated.iloc[0]).sum()} numbers of {repeated.iloc[0]} answer the claim "
            f"{claim.id!r}; expected at most one; pass the rows of one protocol and mark one "
            "learning rate per loss as selected"
        )
    names = list(_Ours.__dataclass_fields__)
    columns = [found[name].tolist() for name in names]
    return [_Ours(*answer) for answer in zip(*columns, strict=True)] or [_Ours()]


def _where(table: pd.DataFrame, values: Mapping[str, object]) -> pd.DataFrame:
    """Return the rows that have these values; None stands for any."""
    chosen = pd.Series(True, index=table.index)
    for column, value in values.items():
        if value is not None:
            chosen &= table[column] == value
    return table[chosen]


def _data(ours: _Ours, claim: Claim, dataset_kind: str) -> str:
    """Return which images a number of ours is of, beside those of the published one."""
    if not ours.by:
        return ""
    population = PUBLISHED_ON[claim.dataset].images
    if dataset_kind != claim.dataset:
        return "other data"
    if ours.n < LEAST_SHARE * population and abs(ours.n - claim.n) > 0.1 * claim.n:
        return "other data"
    whole = claim.n == population or ours.part == TEST_PART
    return "same images" if whole and ours.n == claim.n else "published set"


def _difference(ours: _Ours, claim: Claim, data: str, confidence: float) -> _Difference:
    """Return the difference of two numbers with the error that belongs to it."""

    def known(error: Error | None, error_of: str) -> _Difference:
        return _Difference(ours, claim, error, error_of, confidence)

    if data in ("", "other data") or claim.statistic in DESCRIPTIVE or math.isnan(ours.r):
        return known(None, "")
    if ours.repeats == 1 or claim.statistic != "spearman":
        return known(None, "one run")
    training = images = Error(0.0)
    if ours.repeats:
        training = repeat_error(ours.r, ours.repeat_sd, ours.repeats)
    if data != "same images":
        population = PUBLISHED_ON[claim.dataset].images
        images = sampling_error(ours.r, ours.n, claim.n, population)
    drawn = ["images"] if images.value else []
    drawn += [f"{ours.repeats} {ours.repeated}"] if ours.repeats else []
    return known(together(images, training), " and ".join(drawn) or "nothing")


def _obstacle(
    ours: _Ours, claim: Claim, data: str, dataset_kind: str, other_model: str, unavailable: str
) -> str:
    """Return why a number is not testable, or nothing if it is."""
    if not ours.by:
        return f"nothing computed: {unavailable or claim.never or _sought(claim)}"
    if data == "other data":
        label = PUBLISHED_ON[claim.dataset].label
        same = dataset_kind == claim.dataset
        of, on = (label, f"{claim.n:,}") if same else (f"data set {dataset_kind!r}", label)
        return f"other data: {ours.n:,} images of {of}, published on {on}"
    if other_model and ours.by == OWN and claim.of_model:
        return f"another model: {other_model}"
    if math.isnan(ours.r):
        return "our number is undefined"
    if claim.statistic not in DESCRIPTIVE and math.isnan(ours.ci_low + ours.ci_high):
        return "our number has no confidence interval"
    return ""


def _printed(ours: _Ours, claim: Claim) -> tuple[str, str]:
    """Return the verdict on a number that describes the data."""
    shown, published = f"ours ({ours.r:,.6g})", f"the published {claim.value:,g}"
    if abs(ours.r - claim.value) <= claim.half_digit:
        return "as printed", f"{shown} is {published} to the printed digits"
    return "differs", f"{shown} is not {published} to the printed digits"


def _sought(claim: Claim) -> str:
    """Return in words what a study would have to compute to answer a claim."""
    if claim.statistic != "spearman":
        return f"the study has no {claim.statistic} of {claim.quantity!r}"
    named = {"loss": claim.loss, "metric": claim.metric}
    by = "".join(f" with {what} {name!r}" for what, name in named.items() if name is not None)
    return f"the study has no correlation of {claim.quantity!r}{by} with target {claim.target!r}"
