"""Predict the test images of every category from the other categories alone."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.base.arrays import open_sealed
    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.prediction.left_out import predict_left_out_categories
    from memorability.prediction.predicting import chosen_settings
    from memorability.tables import store
    from memorability.workflow.records import table_record

    trials = store.read_if_any(snakemake.input.search, "prediction_search")
    settings = chosen_settings(snakemake.params.settings, trials)
    make_deterministic(settings["threads"])
    images = store.read(snakemake.input.images, "images")
    with progress(images["category"].nunique(), "leaving out categories") as step:
        predictions = predict_left_out_categories(
            settings["head"],
            open_sealed(snakemake.input.latents),
            images,
            store.read(snakemake.input.split, "split"),
            settings,
            step,
        )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(predictions, snakemake.output.predictions, "left_out", record)
