"""Train the predictor: predictions of every image, training history, the predictor itself."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.arrays import open_sealed
    from memorability.files import atomic
    from memorability.job import progress
    from memorability.prediction import write_predictor
    from memorability.predictions.mlp import chosen_settings, predict_images
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    trials = tables.read_if_any(snakemake.input.search, "prediction_search")
    settings = chosen_settings(snakemake.params.settings, trials)
    make_deterministic(settings["threads"])
    with progress(settings["max_epochs"], "training the predictor") as step:
        trained, predictions, history = predict_images(
            open_sealed(snakemake.input.latents),
            tables.read(snakemake.input.images, "images"),
            tables.read(snakemake.input.split, "split"),
            settings,
            step,
        )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(predictions, snakemake.output.predictions, "predictions", record)
    tables.write(history, snakemake.output.history, "prediction_history", record)
    with atomic(snakemake.output.predictor) as temporary:
        write_predictor(trained, temporary, record)
