"""Predict the test images of every category from the other categories alone."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.arrays import open_sealed
    from memorability.job import progress
    from memorability.predictions.left_out import predict_left_out_categories
    from memorability.predictions.mlp import chosen_settings
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    trials = tables.read_if_any(snakemake.input.search, "prediction_search")
    settings = chosen_settings(snakemake.params.settings, trials)
    make_deterministic(settings["threads"])
    images = tables.read(snakemake.input.images, "images")
    with progress(images["category"].nunique(), "leaving out categories") as step:
        predictions = predict_left_out_categories(
            settings["head"],
            open_sealed(snakemake.input.latents),
            images,
            tables.read(snakemake.input.split, "split"),
            settings,
            step,
        )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(predictions, snakemake.output.predictions, "left_out", record)
