"""Predict every image by another head on the same latents."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.arrays import open_sealed
    from memorability.predictions.heads import predict_by_head
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    predictions, chosen = predict_by_head(
        snakemake.wildcards.head,
        open_sealed(snakemake.input.latents),
        tables.read(snakemake.input.split, "split"),
        settings["seed"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code) | chosen
    tables.write(predictions, snakemake.output.predictions, "head_predictions", record)
