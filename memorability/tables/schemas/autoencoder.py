"""What autoencoders learned, and what was measured of them."""

from collections.abc import Mapping

from memorability.tables.schemas.columns import (
    Table,
    measured,
    number,
    one_of,
    table,
    text,
    truth,
    untrained_model,
    whole,
)

TABLES: Mapping[str, Table] = {
    "errors": table(
        ("epoch", "image_id"),
        epoch=whole(least=1),
        image_id=text(),
        **measured(),
        error=number(nullable=True),
    ),
    "history": table(
        ("step",),
        step=whole(least=1, unique=True),
        epoch=whole(least=1),
        image_id=text(),
        train_loss=number(nullable=True),
    ),
    "outcomes": table(
        ("step",),
        outcome=one_of("finished", "diverged"),
        step=whole(least=1),
        epoch=whole(least=1),
        image_id=text(),
        learning_rate=number(above=0),
        reason=text(),
    ),
    "pretraining": table(
        ("resize", "bottleneck", "decoder", "batch_norm", "epoch"),
        resize=text(),
        bottleneck=text(),
        decoder=text(),
        batch_norm=truth(),
        width=number(above=0),
        epoch=whole(),
        trained_part=one_of("none", "decoder", "all"),
        train_error=number(least=0, nullable=True),
        validation_error=number(least=0),
    ),
    "matrix": table(
        ("metric", "image_id"),
        image_id=text(),
        lr=text(),
        **measured(),
        error=number(nullable=True),
    ),
    "controls": table(
        ("metric", "model", "seed", "image_id"),
        **measured(),
        model=untrained_model(),
        seed=text(),
        image_id=text(),
        error=number(nullable=True),
    ),
}
