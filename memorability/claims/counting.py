"""How many published numbers a ledger could test, with which verdicts, in sentences."""

import pandas as pd

from memorability.claims.ledger import OWN, VERDICTS
from memorability.claims.published import DESCRIPTIVE

# The first words of why a number is not testable -> what is said of all such numbers.
_KINDS = {
    "nothing computed": "that this study does not compute",
    "other data": "about other data than this study has",
    "another model": "of another model than this study has",
    "our number is undefined": "of which our number is undefined",
    "our number has no confidence interval": "of which our number has no confidence interval",
}
_ONE_RUN = "What is of one run cannot be told from what another seed would give."


def badge(table: pd.DataFrame) -> str:
    """Return one sentence that counts the verdicts of a ledger, and one on numbers of one run.

    A number that the study itself and an external source answer counts once, by the study's own.
    Numbers that the paper does not define are in `by_reading`.

    Parameters
    ----------
    table
        As from `memorability.claims.ledger.ledger`.
    """
    total = table["claim"].nunique()
    testable = table[(table["verdict"] != "not testable") & (table["reading"] == "")]
    if testable.empty:
        if by_reading(table):
            return (
                f"None of the {total} published numbers is testable here but by a reading of ours."
            )
        return f"This study can test none of the {total} published numbers."
    own_first = testable.sort_values("by", key=lambda by: by != OWN, kind="stable")
    verdicts = own_first.drop_duplicates("claim")["verdict"]
    found = (
        f"{len(verdicts)} of {total} published numbers testable here: {_counted(verdicts, table)}."
    )
    return f"{found} {_ONE_RUN}" if verdicts.str.endswith("(one run)").any() else found


def by_reading(table: pd.DataFrame) -> str:
    """Return one sentence on the numbers that the paper leaves open, under each reading; "" if none.

    Parameters
    ----------
    table
        As from `memorability.claims.ledger.ledger`.
    """
    read = table[(table["verdict"] != "not testable") & (table["reading"] != "")]
    if read.empty:
        return ""
    found = "; ".join(
        f"by the {reading} {_counted(rows['verdict'], table)}"
        for reading, rows in read.groupby("reading", sort=False)
    )
    return (
        "The paper does not say which average attribution it means "
        f"({read['claim'].nunique()} of its numbers): {found}."
    )


def untestable(table: pd.DataFrame) -> str:
    """Return one sentence that says how many numbers are not testable and why; "" if all are.

    Parameters
    ----------
    table
        As from `memorability.claims.ledger.ledger`.
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


def _counted(verdicts: "pd.Series[str]", table: pd.DataFrame) -> str:
    """Return the number of each verdict, in their order and in words."""
    margin = table.loc[~table["statistic"].isin(DESCRIPTIVE), "margin"]
    band = "" if margin.empty else f" within ±{margin.iloc[0]:g}"
    counts = verdicts.value_counts()
    words = {
        "equivalent": f"equivalent{band}",
        "differs": "differ" if counts.get("differs", 0) > 1 else "differs",
    }
    return ", ".join(
        f"{counts[name]} {words.get(name, name)}" for name in VERDICTS if name in counts
    )
