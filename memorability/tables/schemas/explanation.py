"""Attributions of predictions to pixels, and how far they can be trusted."""

from collections.abc import Mapping

from memorability.tables.schemas.columns import (
    Table,
    correlation,
    number,
    one_of,
    share,
    table,
    text,
    truth,
    whole,
)

TABLES: Mapping[str, Table] = {
    "attributions": table(
        ("image_id",),
        image_id=text(unique=True),
        drawn=truth(),
        baseline=text(),
        mean_absolute=number(least=0),
        mean_signed=number(),
        mean_positive=number(least=0),
        predicted=number(),
        predicted_baseline=number(),
        convergence_delta=number(),
        converged=truth(),
        row=whole(unique=True),
        scale=number(least=0),
    ),
    "attribution_variants": table(
        ("variant", "image_id"),
        image_id=text(),
        variant=text(),
        baseline=text(),
        mean_absolute=number(least=0),
        mean_signed=number(),
        mean_positive=number(least=0),
        convergence_delta=number(),
        converged=truth(),
    ),
    "attribution_similarity": table(
        ("check", "first", "second", "image_id"),
        check=one_of("baseline", "weights"),
        first=text(),
        second=text(),
        image_id=text(),
        map_absolute=correlation(nullable=True),
        map_signed=correlation(nullable=True),
        map_ssim=correlation(nullable=True),
    ),
    "attribution_curves": table(
        ("mode", "order", "image_id", "share"),
        mode=one_of("deletion", "insertion"),
        order=one_of("attribution", "random"),
        image_id=text(),
        share=share(),
        score=number(),
    ),
    "attribution_checks": table(
        ("check", "first", "second", "measure"),
        check=one_of("baseline", "weights", "deletion", "insertion"),
        first=text(),
        second=text(),
        measure=text(),
        value=number(nullable=True),
        ci_low=number(nullable=True),
        ci_high=number(nullable=True),
        ci_method=text(),
        n=whole(),
    ),
}
