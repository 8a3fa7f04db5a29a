"""Images, their scores, and how the scores were measured."""

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
    truth,
    whole,
)

_SCORED = {
    "image_id": text(unique=True),
    "file": text(unique=True),
    "category": text(),
    "subcategory": text(),
    "hits": count(nullable=True),
    "false_alarms": count(nullable=True),
    "responses": count(nullable=True),
    "score": share(),
}


TABLES: Mapping[str, Table] = {
    "images": table(
        ("image_id",),
        **_SCORED,
        score_uncorrected=share(nullable=True),
        false_alarm_rate=share(nullable=True),
        d_prime=number(nullable=True),
        criterion=number(nullable=True),
        width=count(nullable=True),
        height=count(nullable=True),
        position=whole(unique=True),
    ),
    "scores": table(
        ("image_id",),
        **_SCORED,
    ),
    "differences": table(
        ("file",),
        file=text(),
        difference=text(),
    ),
    "official_splits": table(
        ("official_split", "image_id"),
        official_split=whole(least=1, most=5),
        image_id=text(),
        split=one_of("train", "validation", "test"),
        score=share(),
    ),
    "prepared": table(
        ("image_id",),
        image_id=text(unique=True),
        file=text(unique=True),
        width=count(),
        height=count(),
        position=whole(unique=True),
    ),
    "unusable": table(
        ("file",),
        file=text(),
        reason=text(),
    ),
    "rejected": table(
        ("file",),
        file=text(),
        reason=text(),
    ),
    "trials": table(
        ("observer", "position"),
        observer=text(),
        image_id=text(),
        role=one_of("target", "filler", "vigilance"),
        position=whole(),
        repeat=truth(),
        delay=count(nullable=True),
        response=truth(),
    ),
    "observers": table(
        ("observer",),
        observer=text(unique=True),
        vigilance_repeats=whole(),
        misses=whole(),
        excluded=truth(),
    ),
    "planted": table(
        ("image_id",),
        image_id=text(unique=True),
        memorability=share(),
        false_alarm_rate=share(),
        saturation=share(),
        edge_strength=number(),
    ),
    "ceiling": table(
        ("target", "method", "group"),
        target=text(),
        group=text(),
        method=text(),
        n=whole(),
        consistency=correlation(nullable=True),
        consistency_sd=number(least=0, nullable=True),
        full_length=share(nullable=True),
        ceiling=share(nullable=True),
    ),
    "split": table(
        ("image_id",),
        image_id=text(unique=True),
        split=one_of("train", "validation", "test"),
        score=share(),
    ),
    "baselines": table(
        ("metric", "image_id"),
        metric=text(),
        image_id=text(),
        value=number(),
    ),
    "external": table(
        ("kind", "name"),
        kind=one_of("errors", "latents"),
        name=text(),
        file=text(),
        joined_by=one_of("image_id", "file"),
        rows=whole(),
        joined=whole(),
        rows_without_image=whole(),
        images_without_row=whole(),
        unmatched=text(),
        claim=text(),
    ),
}
