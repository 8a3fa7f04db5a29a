"""Read predictions that were made elsewhere."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability import tables
    from memorability.own_tables import read_predictions
    from memorability.provenance import table_record

    settings = snakemake.params.settings
    predictions = read_predictions(
        Path(snakemake.input.table),
        settings["columns"],
        tables.read(snakemake.input.images, "images"),
        tables.read(snakemake.input.split, "split"),
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(predictions, snakemake.output.predictions, "head_predictions", record)
