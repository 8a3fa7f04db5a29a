"""Attributes of images beside memorability."""

from collections.abc import Mapping

from memorability.tables.schemas.columns import (
    Table,
    correlation,
    count,
    number,
    one_of,
    share,
    table,
    text,
    whole,
)

_UNIT = {"unit": one_of("images", "subcategories"), "clusters": count(nullable=True)}
_INTERVAL = {"ci_low": number(nullable=True), "ci_high": number(nullable=True)}

TABLES: Mapping[str, Table] = {
    "image_attributes": table(
        ("attribute", "image_id"),
        attribute=text(),
        kind=one_of("number", "label"),
        image_id=text(),
        number=number(nullable=True),
        label=text(),
    ),
    "attributes": table(
        ("attribute", "given"),
        attribute=text(),
        given=one_of("nothing", "source", "category"),
        images=whole(),
        n=whole(),
        r=correlation(nullable=True),
        **_INTERVAL,
        p=share(nullable=True),
        p_holm=share(nullable=True),
        **_UNIT,
    ),
    "attribute_quartiles": table(
        ("attribute", "quartile"),
        attribute=text(),
        quartile=whole(least=1, most=4),
        n=whole(least=1),
        score_low=number(),
        score_high=number(),
        mean=number(),
        **_INTERVAL,
        **_UNIT,
    ),
    "sources": table(
        ("attribute", "label"),
        attribute=text(),
        label=text(),
        images=whole(),
        n=whole(least=1),
        mean=number(),
        sd=number(least=0, nullable=True),
        **_INTERVAL,
        **_UNIT,
    ),
    "source_tests": table(
        ("attribute", "first", "second"),
        attribute=text(),
        first=text(),
        second=text(),
        n_first=whole(least=1),
        n_second=whole(least=1),
        difference=number(),
        **_INTERVAL,
        p=share(nullable=True),
        p_holm=share(nullable=True),
        p_welch=share(nullable=True),
        unit=_UNIT["unit"],
    ),
}
