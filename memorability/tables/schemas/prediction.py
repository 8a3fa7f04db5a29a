"""Predictions of memorability, and how good they are."""

from collections.abc import Mapping

from memorability.tables.schemas.columns import (
    Table,
    count,
    number,
    one_of,
    score,
    share,
    table,
    text,
    truth,
    whole,
)

_METRIC = {
    "head": text(),
    "metric": text(),
    "value": number(nullable=True),
    "ci_low": number(nullable=True),
    "ci_high": number(nullable=True),
    "n": whole(),
    "unit": one_of("images", "subcategories"),
    "clusters": count(nullable=True),
}


TABLES: Mapping[str, Table] = {
    "predictions": table(
        ("image_id",),
        image_id=text(unique=True),
        split=one_of("train", "validation", "test"),
        score=score(),
        predicted=number(),
        category_mean=score(),
        subcategory_mean=score(),
        image_size=number(nullable=True),
    ),
    "head_predictions": table(
        ("image_id", "other_image_id"),
        image_id=text(),
        other_image_id=text(),
        predicted=number(),
    ),
    "left_out": table(
        ("image_id",),
        image_id=text(unique=True),
        category=text(),
        predicted=number(),
    ),
    "prediction_search": table(
        ("trial",),
        trial=whole(unique=True),
        worker=whole(),
        hidden=text(),
        learning_rate=number(above=0),
        batch_size=whole(least=1),
        dropout=share(),
        weight_decay=number(least=0),
        epochs=whole(least=1),
        validation_loss=number(least=0, nullable=True),
        chosen=truth(),
    ),
    "prediction_history": table(
        ("epoch",),
        epoch=whole(least=1, unique=True),
        train_loss=number(),
        validation_loss=number(),
    ),
    "prediction_metrics": table(
        ("head", "metric"),
        **_METRIC,
    ),
    "prediction_by_category": table(
        ("group", "head", "metric"),
        group=text(),
        **_METRIC,
    ),
    "prediction_gains": table(
        ("group", "head", "baseline", "metric"),
        group=text(),
        head=text(),
        baseline=text(),
        metric=text(),
        difference=number(nullable=True),
        ci_low=number(nullable=True),
        ci_high=number(nullable=True),
        n=whole(),
        unit=one_of("images", "subcategories"),
        clusters=count(nullable=True),
    ),
    "prediction_calibration": table(
        ("head",),
        head=text(),
        n=whole(),
        slope=number(nullable=True),
        intercept=number(nullable=True),
        mean_score=number(),
        mean_predicted=number(),
        sd_score=number(least=0),
        sd_predicted=number(least=0),
        floor=number(),
        ceiling=number(),
        share_below_floor=share(),
        share_above_ceiling=share(),
    ),
    "image_scores": table(
        ("file",),
        file=text(),
        score=number(nullable=True),
        percentile=number(least=0, most=100, nullable=True),
        interval_low=number(nullable=True),
        interval_high=number(nullable=True),
        outside_training_range=truth(nullable=True),
        reason=text(),
    ),
}
