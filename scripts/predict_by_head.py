"""Predict every image by another head on the same latents."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.base.arrays import open_sealed
    from memorability.base.seeding import make_deterministic
    from memorability.prediction.predicting import predict_by_head
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    predictions, chosen = predict_by_head(
        snakemake.wildcards.head,
        open_sealed(snakemake.input.latents),
        store.read(snakemake.input.split, "split"),
        settings,
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code) | chosen
    store.write(predictions, snakemake.output.predictions, "head_predictions", record)
