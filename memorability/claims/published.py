"""Published numbers as data: each with its sentence, its place and the row of ours that answers it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from memorability.base.errors import InputError, nearest
from memorability.images.data_sets import DATA_SETS, MIXTURES

STATISTICS: Mapping[str, tuple[float, float]] = {
    "spearman": (-1.0, 1.0),
    **dict.fromkeys(
        ("roc_auc", "pr_auc", "accuracy", "precision", "sensitivity", "specificity", "f1"),
        (0.0, 1.0),
    ),
    "mean": (0.0, 1.0),
    "count": (0.0, math.inf),
    "mse": (0.0, math.inf),
    "seconds": (0.0, math.inf),
}
"""Published statistics and their ranges."""

DESCRIPTIVE = frozenset({"mean", "count"})
"""Statistics that describe the data: on the same data they leave nothing to chance."""

PUBLISHED_ON = {**DATA_SETS, **MIXTURES}
"""What published numbers are about, by its kind."""

_MODEL_QUANTITIES = ("error", "distinctiveness", "prediction")
_ENTRY_KEYS = {"id", "statement", "source", "statistic", "value", "ci", "n", "dataset", "find"}


@dataclass(frozen=True)
class Claim:
    """A published number and the row of our numbers that answers it.

    Attributes
    ----------
    id
        Unique name, for example "table_1.mse".
    statement
        What the number says, in one sentence.
    source
        Paper, and table or section in it.
    statistic
        A key of `STATISTICS`.
    value, ci_low, ci_high
        The number and its 95 % interval as printed, in the statistic's range; NaN for both bounds
        where no interval is printed.
    n
        Number of images behind the number, at least 1.
    dataset
        Kind of data set the number holds for, a key of `PUBLISHED_ON`.
    quantity, target
        Values of these columns in the row that answers it.
    loss, metric
        Values of these columns, or None where they do not matter.
    never
        Why no study can answer it, in words; "" where one can.

    Raises
    ------
    ValueError
        If an attribute leaves its range or the interval does not contain the number.
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
    metric: str | None = None
    never: str = ""

    def __post_init__(self) -> None:
        if self.statistic not in STATISTICS:
            raise _invalid(self.id, f"statistic {self.statistic!r}", f"one of {list(STATISTICS)}")
        if self.dataset not in PUBLISHED_ON:
            raise _invalid(
                self.id, f"dataset {self.dataset!r}", nearest(str(self.dataset), PUBLISHED_ON)
            )
        if isinstance(self.n, bool) or not isinstance(self.n, int) or self.n < 1:
            raise _invalid(self.id, f"n {self.n!r}", "a whole number of images of at least 1")
        low, high = STATISTICS[self.statistic]
        printed = not (math.isnan(self.ci_low) and math.isnan(self.ci_high))
        bounds = (self.ci_low, self.value, self.ci_high) if printed else (self.value,) * 3
        if not low <= bounds[0] <= bounds[1] <= bounds[2] <= high:
            raise _invalid(
                self.id,
                f"value {self.value} with ci [{self.ci_low}, {self.ci_high}]",
                f"an interval that contains the value, both from {low:g} to {high:g}",
            )

    @property
    def half_digit(self) -> float:
        """Half of the last printed digit: how far a number that is rounded alike can be away."""
        exponent = Decimal(str(self.value)).as_tuple().exponent
        return 0.5 * 10.0 ** min(int(exponent), 0)

    @property
    def of_model(self) -> bool:
        """Whether the number depends on the model that was trained, not on the images alone."""
        return self.quantity.startswith(_MODEL_QUANTITIES) or self.target == "attribution"


def load_published() -> list[Claim]:
    """Return the published numbers that ship with the package, in the order of their file.

    Returns
    -------
    list of Claim
        The numbers of published.yaml.

    Raises
    ------
    ValueError
        If the file does not have the form that it describes.
    """
    text = Path(__file__).with_name("published.yaml").read_text(encoding="utf-8")
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
    InputError
        If there is none; the message names the nearest id.
    """
    by_id = {claim.id: claim for claim in claims}
    if claim_id not in by_id:
        raise InputError(
            f"No published number is named {claim_id!r} ({nearest(claim_id, by_id)}). "
            "Ids are those of published.yaml."
        )
    return by_id[claim_id]


def _parse_entry(entry: Mapping[str, Any], papers: Mapping[str, str]) -> Claim:
    name = str(entry.get("id", "without id"))
    _check_keys(name, "the entry", entry, required=_ENTRY_KEYS, optional={"never"})
    _check_keys(name, "source", entry["source"], required={"paper", "where"})
    find = entry["find"]
    _check_keys(name, "find", find, required={"quantity", "target"}, optional={"loss", "metric"})
    source = entry["source"]
    if source["paper"] not in papers:
        raise _invalid(name, f"the paper {source['paper']!r}", f"one of {list(papers)}")
    ci = [math.nan, math.nan] if entry["ci"] is None else entry["ci"]
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
        never=entry.get("never", ""),
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
        "correct the entry in published.yaml"
    )
