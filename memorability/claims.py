"""Published figures, and the verdict on each that a study's own correlations support.

The ledger has one row per published figure. On the data that the figure was published on, with
`published ± margin` as the band of values too close to matter:

- *equivalent*: our whole confidence interval lies inside the band (the stronger statement);
- *reproduced*: it does not, but our interval contains the published value;
- *differs*: neither.

On other data, or where nothing was computed, the verdict is *not testable*. The published intervals
do not enter: those of Table 1 are narrower than resampling 10,000 images of one run gives (they
may be ranges over seeds), so overlap with them would test nothing.
"""

import difflib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pandas as pd
import yaml

DATASETS = {"memcat": "MemCat"}
"""Data sets that figures were published on: kind in a study's configuration, name in a sentence."""

STATISTICS = {"spearman": (-1.0, 1.0), "roc_auc": (0.0, 1.0)}
"""Published statistics and their ranges."""

LEAST_IMAGES = 9_000
"""Images of the published data set from which on a study counts as one of the same data."""

_ENTRY_KEYS = {"id", "statement", "source", "statistic", "value", "ci", "n", "dataset", "find"}
_RESULT_COLUMNS = {
    "statistic", "quantity", "loss", "selected", "target", "group", "method", "n", "r", "ci_low",
    "ci_high",
}  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """A published figure and the row of our table of correlations that answers it.

    Attributes
    ----------
    id
        Unique name, for example "table_1.mse".
    statement
        What the figure says, in one sentence.
    source
        Paper, and table or section in it.
    statistic
        "spearman" (−1 to 1) or "roc_auc" (0 to 1).
    value, ci_low, ci_high
        The figure and its 95 % interval as printed, in the statistic's range.
    n
        Number of images behind the figure, at least 1.
    dataset
        Kind of data set the figure holds for, a key of `DATASETS`.
    quantity, target
        Values of these columns in the row that answers it.
    loss
        Value of that column, or None where it does not matter.

    Raises
    ------
    ValueError
        If an attribute leaves its range or the interval does not contain the figure.
    """

    id: str
    statement: str
    source: str
    statistic: str
    value: float
    ci_low: float
    ci_high: float
    n: int
    dataset: str
    quantity: str
    target: str
    loss: str | None = None

    def __post_init__(self) -> None:
        if self.statistic not in STATISTICS:
            raise _invalid(self.id, f"statistic {self.statistic!r}", f"one of {list(STATISTICS)}")
        if self.dataset not in DATASETS:
            raise _invalid(self.id, f"dataset {self.dataset!r}", f"one of {list(DATASETS)}")
        if isinstance(self.n, bool) or not isinstance(self.n, int) or self.n < 1:
            raise _invalid(self.id, f"n {self.n!r}", "a whole number of images of at least 1")
        low, high = STATISTICS[self.statistic]
        if not low <= self.ci_low <= self.value <= self.ci_high <= high:
            raise _invalid(
                self.id,
                f"value {self.value} with ci [{self.ci_low}, {self.ci_high}]",
                f"an interval that contains the value, both from {low:g} to {high:g}",
            )


def load_published() -> list[Claim]:
    """Return the published figures that ship with the package, in the order of their file.

    Returns
    -------
    list of Claim
        The figures of published.yaml.

    Raises
    ------
    ValueError
        If the file does not have the form that it describes.
    """
    text = resources.files("memorability").joinpath("published.yaml").read_text(encoding="utf-8")
    return parse_claims(yaml.safe_load(text))


def parse_claims(document: Mapping[str, Any]) -> list[Claim]:
    """Return the claims of a parsed document of the form of published.yaml.

    Parameters
    ----------
    document
        Keys papers (citations by name) and claims (entries as described in published.yaml).

    Returns
    -------
    list of Claim
        The claims in order.

    Raises
    ------
    ValueError
        If an entry has missing or unknown keys, names an unknown paper, repeats an id or holds a
        value out of range.
    """
    _check_keys("(all)", "the document", document, required={"papers", "claims"})
    papers: Mapping[str, str] = document["papers"]
    claims = [_parse_entry(entry, papers) for entry in document["claims"]]
    repeated = [name for name, count in Counter(c.id for c in claims).items() if count > 1]
    if repeated:
        raise _invalid(repeated[0], "an id that occurs more than once", "unique ids")
    return claims


def find_claim(claims: Sequence[Claim], claim_id: str) -> Claim:
    """Return the claim of this id.

    Parameters
    ----------
    claims
        Claims to look in.
    claim_id
        The id, for example "table_1.mse".

    Returns
    -------
    Claim
        The claim of this id.

    Raises
    ------
    ValueError
        If there is none; the message names the nearest id.
    """
    by_id = {claim.id: claim for claim in claims}
    if claim_id not in by_id:
        nearest = difflib.get_close_matches(claim_id, by_id, n=1, cutoff=0)
        raise ValueError(
            f"there is no published claim {claim_id!r}; expected one of {len(by_id)} ids; "
            f"did you mean {nearest[0] if nearest else 'to pass claims'!r}?"
        )
    return by_id[claim_id]


def ledger(
    correlations: pd.DataFrame,
    *,
    claims: Sequence[Claim],
    dataset_kind: str,
    margin: float,
    other_model: str = "",
) -> pd.DataFrame:
    """Set each published figure beside ours and return the verdicts.

    A figure is tested on its own data set, when our correlation has at least 9,000 images or the
    published number within 10 %. The verdicts, disjoint by construction, are defined at the top of
    this module. Elsewhere our value is shown, but the verdict is "not testable".

    Parameters
    ----------
    correlations
        Our results of one protocol, with columns statistic ("spearman", "roc_auc"), quantity
        ("error", "distinctiveness", "feature:<name>", "prediction"), loss, selected (bool: the
        best learning rate of its loss, or the only one), target, group, method, n, r, ci_low,
        ci_high. Only selected rows of group "all" and method "pooled" are compared.
    claims
        The published figures.
    dataset_kind
        Kind of data set of the study, for example "memcat".
    other_model
        In what our runs are not those of the paper, in words; empty where nothing of it differs.
        Features do not depend on it.
    margin
        Half-width of the band around the published value, above 0, in units of the statistic.

    Returns
    -------
    pandas.DataFrame
        One row per claim, in order: claim, statement, source, published, published_ci_low,
        published_ci_high, ours, ours_ci_low, ours_ci_high, n (Int64, missing where nothing was
        computed), margin, verdict ("equivalent", "reproduced", "differs", "not testable"), why.

    Raises
    ------
    ValueError
        If columns are missing, the margin is not positive, or several rows answer one claim.
    """
    missing = sorted(_RESULT_COLUMNS - set(correlations.columns))
    if missing or not margin > 0:
        raise ValueError(
            f"the ledger was asked for with margin {margin} and a table of correlations that lacks "
            f"the columns {missing}; expected a margin above 0 and {sorted(_RESULT_COLUMNS)}; "
            "pass the study's table of correlations and its margin"
        )
    rows = [
        _row(correlations, claim, dataset_kind=dataset_kind, other_model=other_model, margin=margin)
        for claim in claims
    ]
    return pd.DataFrame(rows, columns=_LEDGER_COLUMNS).astype({"n": "Int64"})


_LEDGER_COLUMNS = [
    "claim", "statement", "source", "published", "published_ci_low", "published_ci_high",
    "ours", "ours_ci_low", "ours_ci_high", "n", "margin", "verdict", "why",
]  # fmt: skip


@dataclass(frozen=True)
class _Ours:
    """Our answer to a claim: correlation, bounds of its interval and number of images."""

    r: float
    ci_low: float
    ci_high: float
    n: int


def _row(
    correlations: pd.DataFrame, claim: Claim, *, dataset_kind: str, other_model: str, margin: float
) -> dict[str, object]:
    ours = _ours(correlations, claim)
    verdict, why = _verdict(
        ours, claim, dataset_kind=dataset_kind, other_model=other_model, margin=margin
    )
    return {
        "claim": claim.id,
        "statement": claim.statement,
        "source": claim.source,
        "published": claim.value,
        "published_ci_low": claim.ci_low,
        "published_ci_high": claim.ci_high,
        "ours": math.nan if ours is None else ours.r,
        "ours_ci_low": math.nan if ours is None else ours.ci_low,
        "ours_ci_high": math.nan if ours is None else ours.ci_high,
        "n": pd.NA if ours is None else ours.n,
        "margin": margin,
        "verdict": verdict,
        "why": why,
    }


def _ours(correlations: pd.DataFrame, claim: Claim) -> _Ours | None:
    """Return our answer to a claim, or None if the table of correlations holds none."""
    matches = (
        (correlations["statistic"] == claim.statistic)
        & (correlations["quantity"] == claim.quantity)
        & (correlations["target"] == claim.target)
        & (correlations["group"] == "all")
        & (correlations["method"] == "pooled")
        & correlations["selected"].astype(bool)
    )
    if claim.loss is not None:
        matches &= correlations["loss"] == claim.loss
    found = correlations.loc[matches]
    if len(found) > 1:
        raise ValueError(
            f"{len(found)} rows of the table of correlations answer the claim {claim.id!r}; "
            "expected at most one; pass the rows of one protocol and mark one learning rate per "
            "loss as selected"
        )
    if found.empty:
        return None
    row = found.iloc[0]
    return _Ours(float(row["r"]), float(row["ci_low"]), float(row["ci_high"]), int(row["n"]))


def _verdict(
    ours: _Ours | None, claim: Claim, *, dataset_kind: str, other_model: str, margin: float
) -> tuple[str, str]:
    """Return the verdict on a claim and the reason in plain words."""
    name = DATASETS[claim.dataset]
    if ours is None:
        return "not testable", f"nothing computed: {_sought(claim)}"
    if dataset_kind != claim.dataset:
        return (
            "not testable",
            f"other data: {ours.n:,} images of data set {dataset_kind!r}, published on {name}",
        )
    if ours.n < LEAST_IMAGES and abs(ours.n - claim.n) > 0.1 * claim.n:
        return (
            "not testable",
            f"other data: {ours.n:,} images of {name}, published on {claim.n:,}",
        )
    if other_model and not claim.quantity.startswith("feature:"):
        return "not testable", f"another model: {other_model}"
    if any(math.isnan(value) for value in (ours.r, ours.ci_low, ours.ci_high)):
        return "not testable", "our correlation or its confidence interval is undefined"
    return _comparison(ours, claim, margin)


def _comparison(ours: _Ours, claim: Claim, margin: float) -> tuple[str, str]:
    """Return the verdict on a claim whose data we share."""
    interval = f"our interval ({ours.ci_low:.3f} to {ours.ci_high:.3f})"
    published = f"the published {claim.value:g}"
    if claim.value - margin <= ours.ci_low and ours.ci_high <= claim.value + margin:
        return "equivalent", f"{interval} lies within {margin:g} of {published}"
    if ours.ci_low <= claim.value <= ours.ci_high:
        return (
            "reproduced",
            f"{interval} contains {published}, but reaches farther than {margin:g} from it",
        )
    return (
        "differs",
        f"{interval} does not contain {published} and does not lie within {margin:g} of it",
    )


def _sought(claim: Claim) -> str:
    """Return in words what a study would have to compute to answer a claim."""
    if claim.statistic != "spearman":
        return f"the table of correlations holds no {claim.statistic}"
    loss = "" if claim.loss is None else f" with loss {claim.loss!r}"
    return f"the study has no correlation of {claim.quantity!r}{loss} with target {claim.target!r}"


def _parse_entry(entry: Mapping[str, Any], papers: Mapping[str, str]) -> Claim:
    name = str(entry.get("id", "without id"))
    _check_keys(name, "the entry", entry, required=_ENTRY_KEYS)
    _check_keys(name, "source", entry["source"], required={"paper", "where"})
    find = entry["find"]
    _check_keys(name, "find", find, required={"quantity", "target"}, optional={"loss"})
    source = entry["source"]
    if source["paper"] not in papers:
        raise _invalid(name, f"the paper {source['paper']!r}", f"one of {list(papers)}")
    ci = entry["ci"]
    numbers = [entry["value"], *(ci if isinstance(ci, list) else [ci])]
    if len(numbers) != 3 or not all(isinstance(number, int | float) for number in numbers):
        raise _invalid(name, f"value and ci {numbers}", "a number and [low, high]")
    return Claim(
        id=name,
        statement=entry["statement"],
        source=f"{papers[source['paper']]}, {source['where']}",
        statistic=entry["statistic"],
        value=numbers[0],
        ci_low=numbers[1],
        ci_high=numbers[2],
        n=entry["n"],
        dataset=entry["dataset"],
        **find,
    )


def _check_keys(
    name: str,
    place: str,
    mapping: Mapping[str, Any],
    *,
    required: set[str],
    optional: frozenset[str] | set[str] = frozenset(),
) -> None:
    missing, unknown = required - set(mapping), set(mapping) - required - optional
    if missing or unknown:
        raise _invalid(
            name,
            f"keys of {place} that lack {sorted(missing)} and add {sorted(unknown)}",
            f"{sorted(required)}{f' and perhaps {sorted(optional)}' if optional else ''}",
        )


def _invalid(name: str, wrong: str, expected: str) -> ValueError:
    return ValueError(
        f"the published claim {name!r} has {wrong}; expected {expected}; "
        "correct the entry in memorability/published.yaml"
    )
