"""The ledger: every published number beside ours, with a test of equivalence and a verdict.

On the data that a number was published on, with `published ± margin` as the band of values too close
to matter:

- *equivalent*: two one-sided tests place ours inside the band (the stronger statement);
- *reproduced*: they do not, but our interval contains the published value; of numbers that
  describe the data: ours is rounded to the printed one;
- *differs*: neither.

On other data, with another model, or where nothing was computed, the verdict is *not testable*. The
published intervals do not enter: those of Table 1 are narrower than resampling 10,000 images of one
run gives (they may be ranges over seeds), so overlap with them would test nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from memorability.claims.published import DESCRIPTIVE, Claim
from memorability.images.data_sets import DATA_SETS
from memorability.statistics.equivalence import (
    SMALLEST,
    Equivalence,
    tost_correlation,
    tost_interval,
)

OWN = "this study"
"""Value of the column `by` where a number of ours is computed by the study itself."""

VERDICTS = ("equivalent", "reproduced", "differs", "not testable")

LEAST_SHARE = 0.9
"""Share of the published data set from which on a study counts as one of the same data."""

# The first words of why a number is not testable -> what is said of all such numbers.
_KINDS = {
    "nothing computed": "that this study does not compute",
    "other data": "about other data than this study has",
    "another model": "of another model than this study has",
    "our number is undefined": "of which our number is undefined",
    "our number has no confidence interval": "of which our number has no confidence interval",
}

_ANSWER_COLUMNS = {
    "by", "claim", "statistic", "quantity", "metric", "loss", "selected", "target", "group", "method",
    "n", "r", "ci_low", "ci_high",
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
        columns say it), statistic, quantity, metric, loss, selected (bool: the best learning rate
        of its loss, or the only one), target, group, method, n, r (the number), ci_low, ci_high. Of
        those without a claim only selected rows of group "all" and method "pooled" are compared.
    claims
        The published numbers.
    dataset_kind
        Kind of data set of the study, for example "memcat".
    margin
        Half-width of the band around the published value, above 0, in units of the statistic. Figures
        that describe the data have half of their last printed digit instead.
    confidence
        Coverage of our intervals. Each one-sided test is made at the level (1 − confidence) / 2, at
        which it agrees with the question whether our interval lies inside the band.
    other_model
        In what our runs are not those of the paper, in words; empty where nothing of it differs. It
        concerns numbers of `OWN` that depend on the model.
    unavailable
        Quantity -> why the study does not compute it.

    Returns
    -------
    pandas.DataFrame
        In the order of the claims, a row per claim and source of a number of ours, or one where there
        is none: claim, by, statement, source, statistic, published, published_ci_low,
        published_ci_high, ours, ours_ci_low, ours_ci_high, n (Int64), difference (ours − published),
        difference_ci_low, difference_ci_high (the published value taken as fixed), margin, test
        ("Fisher's z" for correlations, "bootstrap interval" for other statistics, "printed digits" for
        descriptions, "" where there is none), p (of the test), power (probability of "equivalent" if
        the published value is the true one), data ("published set", "other data", "" where nothing
        was computed), verdict (of `VERDICTS`), why.

    Raises
    ------
    ValueError
        If columns are missing, the margin is not positive, or several rows of one source answer one
        claim.
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


def badge(table: pd.DataFrame) -> str:
    """Return one sentence that counts the verdicts of a ledger.

    A number that the study itself and an external source answer counts once, by the study's own.

    Parameters
    ----------
    table
        As from `ledger`.
    """
    testable = table[table["verdict"] != "not testable"]
    own_first = testable.sort_values("by", key=lambda by: by != OWN, kind="stable")
    counts = own_first.drop_duplicates("claim")["verdict"].value_counts()
    words = {"differs": "differ" if counts.get("differs", 0) > 1 else "differs"}
    found = ", ".join(
        f"{counts[name]} {words.get(name, name)}" for name in VERDICTS if name in counts
    )
    total = table["claim"].nunique()
    if not found:
        return f"This study can test none of the {total} published numbers."
    return f"{counts.sum()} of {total} published numbers testable here: {found}."


def untestable(table: pd.DataFrame) -> str:
    """Return one sentence that says how many numbers are not testable and why; "" if all are.

    Parameters
    ----------
    table
        As from `ledger`.
    """
    open_rows = table[table["verdict"] == "not testable"]
    open_rows = open_rows[
        ~open_rows["claim"].isin(table.loc[table["verdict"] != "not testable", "claim"])
    ]
    if open_rows.empty:
        return ""
    kinds = open_rows.drop_duplicates("claim")["why"].str.partition(":")[0].map(_KINDS)
    counts = ", ".join(
        f"{count} {words}" for words, count in kinds.value_counts(sort=False).items()
    )
    return (
        f"Not testable here: {counts}. claims.tsv lists them, with our numbers where there are any."
    )


@dataclass(frozen=True)
class _Ours:
    """Our answer to a claim: who made it, the number, bounds of its interval, number of images."""

    by: str
    value: float
    ci_low: float
    ci_high: float
    n: int


_NONE = _Ours("", math.nan, math.nan, math.nan, 0)


def _row(
    claim: Claim,
    ours: _Ours,
    dataset_kind: str,
    margin: float,
    confidence: float,
    other_model: str,
    unavailable: Mapping[str, str],
) -> dict[str, object]:
    descriptive = claim.statistic in DESCRIPTIVE
    margin = claim.half_digit if descriptive else margin
    test, found = _test(ours, claim, margin, confidence)
    other_data = _other_data(ours, claim, dataset_kind)
    verdict, why = _obstacle(
        ours, claim, other_data, other_model, unavailable.get(claim.quantity, "")
    ) or (
        _printed(ours, claim)
        if descriptive
        else _comparison(ours, claim, margin, found.p, (1 - confidence) / 2)
    )
    return {
        "claim": claim.id,
        "by": ours.by,
        "statement": claim.statement,
        "source": claim.source,
        "statistic": claim.statistic,
        "published": float(claim.value),
        "published_ci_low": claim.ci_low,
        "published_ci_high": claim.ci_high,
        "ours": ours.value,
        "ours_ci_low": ours.ci_low,
        "ours_ci_high": ours.ci_high,
        "n": ours.n if ours.by else pd.NA,
        "difference": ours.value - claim.value,
        "difference_ci_low": ours.ci_low - claim.value,
        "difference_ci_high": ours.ci_high - claim.value,
        "margin": margin,
        "test": test,
        "p": found.p,
        "power": found.power,
        "data": ("other data" if other_data else "published set") if ours.by else "",
        "verdict": verdict,
        "why": why,
    }


def _answers(answers: pd.DataFrame, claim: Claim) -> list[_Ours]:
    """Return our answers to a claim, at most one per source, or `_NONE`."""
    alike = {
        "statistic": claim.statistic, "target": claim.target, "metric": claim.metric, "group": "all",
        "method": "pooled", "selected": True,
    }  # fmt: skip
    own = {"claim": "", "quantity": claim.quantity, "loss": claim.loss}
    found = _where(answers, alike)
    found = pd.concat([_where(found, own), found[found["claim"] == claim.id]])
    repeated = found["by"][found["by"].duplicated()]
    if len(repeated):
        raise ValueError(
            f"{(found['by'] == repeated.iloc[0]).sum()} numbers of {repeated.iloc[0]} answer the claim "
            f"{claim.id!r}; expected at most one; pass the rows of one protocol and mark one "
            "learning rate per loss as selected"
        )
    columns = [found[name].tolist() for name in ("by", "r", "ci_low", "ci_high", "n")]
    return [_Ours(*answer) for answer in zip(*columns, strict=True)] or [_NONE]


def _where(table: pd.DataFrame, values: Mapping[str, object]) -> pd.DataFrame:
    """Return the rows that have these values; None stands for any."""
    chosen = pd.Series(True, index=table.index)
    for column, value in values.items():
        if value is not None:
            chosen &= table[column] == value
    return table[chosen]


def _test(ours: _Ours, claim: Claim, margin: float, confidence: float) -> tuple[str, Equivalence]:
    """Return which test of equivalence was made, and its result."""
    nothing = Equivalence(math.nan, math.nan)
    if not ours.by:
        return "", nothing
    if claim.statistic in DESCRIPTIVE:
        return "printed digits", nothing
    if any(map(math.isnan, (ours.value, ours.ci_low, ours.ci_high))):
        return "", nothing
    level = (1 - confidence) / 2
    if claim.statistic == "spearman":
        if ours.n < SMALLEST:  # and so of other data, whatever it is
            return "", nothing
        return "Fisher's z", tost_correlation(
            ours.value, ours.n, reference=claim.value, margin=margin, level=level
        )
    return "bootstrap interval", tost_interval(
        ours.value, ours.ci_low, ours.ci_high,
        confidence=confidence, reference=claim.value, margin=margin, level=level,
    )  # fmt: skip


def _other_data(ours: _Ours, claim: Claim, dataset_kind: str) -> str:
    """Return in words which other data a number of ours is about; empty for the published set."""
    published = DATA_SETS[claim.dataset]
    if dataset_kind != claim.dataset:
        return f"{ours.n:,} images of data set {dataset_kind!r}, published on {published.label}"
    if ours.n < LEAST_SHARE * published.images and abs(ours.n - claim.n) > 0.1 * claim.n:
        return f"{ours.n:,} images of {published.label}, published on {claim.n:,}"
    return ""


def _obstacle(
    ours: _Ours, claim: Claim, other_data: str, other_model: str, unavailable: str
) -> tuple[str, str] | None:
    """Return why a number is not testable, or None if it is."""
    if not ours.by:
        why = f"nothing computed: {unavailable or _sought(claim)}"
    elif other_data:
        why = f"other data: {other_data}"
    elif other_model and ours.by == OWN and claim.of_model:
        why = f"another model: {other_model}"
    elif math.isnan(ours.value):
        why = "our number is undefined"
    elif claim.statistic not in DESCRIPTIVE and math.isnan(ours.ci_low + ours.ci_high):
        why = "our number has no confidence interval"
    else:
        return None
    return "not testable", why


def _comparison(
    ours: _Ours, claim: Claim, margin: float, p: float, level: float
) -> tuple[str, str]:
    """Return the verdict on a claim whose data we share."""
    interval = f"our interval ({ours.ci_low:.3f} to {ours.ci_high:.3f})"
    published = f"the published {claim.value:g}"
    shown = f"p {p:.3f}" if p >= 0.001 else "p < 0.001"
    if p < level:
        return "equivalent", f"ours is within {margin:g} of {published} ({shown})"
    beyond = f"ours may be farther than {margin:g} from it ({shown})"
    if ours.ci_low <= claim.value <= ours.ci_high:
        return "reproduced", f"{interval} contains {published}, but {beyond}"
    if ours.ci_high < claim.value - margin or ours.ci_low > claim.value + margin:
        return "differs", f"{interval} is wholly farther than {margin:g} from {published}"
    return "differs", f"{interval} does not contain {published}, and {beyond}"


def _printed(ours: _Ours, claim: Claim) -> tuple[str, str]:
    """Return the verdict on a number that describes the data."""
    shown, published = f"ours ({ours.value:,.6g})", f"the published {claim.value:,g}"
    if abs(ours.value - claim.value) <= claim.half_digit:
        return "reproduced", f"{shown} is {published} to the printed digits"
    return "differs", f"{shown} is not {published} to the printed digits"


def _sought(claim: Claim) -> str:
    """Return in words what a study would have to compute to answer a claim."""
    if claim.statistic != "spearman":
        return f"the study has no {claim.statistic} of {claim.quantity!r}"
    loss = "" if claim.loss is None else f" with loss {claim.loss!r}"
    return f"the study has no correlation of {claim.quantity!r}{loss} with target {claim.target!r}"
