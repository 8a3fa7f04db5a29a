"""Where in an image its predicted memorability lies."""

from collections.abc import Mapping

import pandera.pandas as pa

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

# Of a unit of a network; q is adjusted over all of them, and joins these where they are listed.
_OF_UNIT = {
    "predictor": text(),
    "layer": text(),
    "number": whole(),
    "n": whole(),
    "share_active": share(),
    "mean": number(),
    "sd": number(least=0),
    "top_image": text(),
    "r": correlation(nullable=True),
    "given_category": correlation(nullable=True),
    "ci_low": correlation(nullable=True),
    "ci_high": correlation(nullable=True),
    "p": share(nullable=True),
}


def _with_interval(*names: str) -> dict[str, pa.Column]:
    return {
        f"{name}{end}": number(nullable=True) for name in names for end in ("", "_low", "_high")
    }


TABLES: Mapping[str, Table] = {
    "ablation_scores": table(
        ("predictor", "image_id", "ablation", "control"),
        image_id=text(),
        predictor=text(),
        ablation=text(),
        control=one_of("", "noise", "elsewhere"),
        predicted=number(),
        mean_square=number(least=0, nullable=True),
        area=share(nullable=True),
    ),
    "ablations": table(
        ("predictor", "group", "ablation"),
        predictor=text(),
        group=text(),
        ablation=text(),
        family=text(),
        images=whole(),
        n=whole(),
        n_elsewhere=whole(),
        mean_square=number(least=0, nullable=True),
        area=share(nullable=True),
        noise=number(least=0, nullable=True),
        elsewhere=number(least=0, nullable=True),
        share_affected=share(),
        **_with_interval("change", "absolute", "beyond_noise", "beyond_elsewhere"),
        change_p=share(nullable=True),
        change_p_holm=share(nullable=True),
        beyond_noise_p=share(nullable=True),
        beyond_noise_p_holm=share(nullable=True),
        beyond_elsewhere_p=share(nullable=True),
        beyond_elsewhere_p_holm=share(nullable=True),
        **_with_interval("rank_absolute", "rank_beyond_noise"),
        **_UNIT,
    ),
    "memorability_maps": table(
        ("predictor", "image_id", "method", "row", "column"),
        image_id=text(),
        predictor=text(),
        method=text(),
        row=whole(most=7),
        column=whole(most=7),
        value=number(),
    ),
    "map_agreement": table(
        ("predictor", "first", "second"),
        predictor=text(),
        first=text(),
        second=text(),
        images=whole(),
        n=whole(),
        r=correlation(nullable=True),
        ci_low=number(nullable=True),
        ci_high=number(nullable=True),
        p=share(nullable=True),
        p_holm=share(nullable=True),
        **_UNIT,
    ),
    "unit_correlations": table(("predictor", "number"), **_OF_UNIT, **_UNIT),
    "units": table(("predictor", "number"), **_OF_UNIT, q=share(nullable=True), **_UNIT),
    "latent_map": table(
        ("embedding", "given", "statistic"),
        embedding=text(),
        given=one_of("nothing", "category", "subcategory"),
        statistic=one_of("neighbours", "moran"),
        n=whole(),
        k=whole(),
        value=number(nullable=True),
        null_low=number(nullable=True),
        null_high=number(nullable=True),
        p=share(nullable=True),
        p_holm=share(nullable=True),
    ),
    "latent_positions": table(
        ("embedding", "method", "image_id"),
        embedding=text(),
        method=one_of("pca", "tsne"),
        image_id=text(),
        x=number(),
        y=number(),
        error=number(least=0, nullable=True),
    ),
    "ablation_answers": table(
        ("predictor", "measure"),
        predictor=text(),
        measure=one_of("absolute", "beyond_noise"),
        order=text(),
        by=text(),
        n=whole(),
        difference=number(nullable=True),
        ci_low=number(nullable=True),
        ci_high=number(nullable=True),
        p=share(nullable=True),
    ),
}
