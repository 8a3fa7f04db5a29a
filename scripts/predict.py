"""Train the predictor: predictions of every image, training history, the predictor itself."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.files import atomic
    from memorability.job import progress
    from memorability.prediction import predict_images, write_predictor
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    images = tables.read(snakemake.input.images, "images")
    ids, latents = tables.read_latents(snakemake.input.latents)
    splits = tables.read_if_any(snakemake.input.official_splits, "official_splits")
    with progress(settings["max_epochs"], "training the predictor") as step:
        trained, predictions, history = predict_images(
            ids, latents, images, settings, official_splits=splits, on_epoch=step
        )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(predictions, snakemake.output.predictions, "predictions", record)
    tables.write(history, snakemake.output.history, "prediction_history", record)
    with atomic(snakemake.output.predictor) as temporary:
        write_predictor(trained, temporary, record)
