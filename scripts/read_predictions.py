"""Read predictions that were made elsewhere."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.data.own_tables import read_predictions
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    predictions = read_predictions(
        Path(snakemake.input.table),
        settings["columns"],
        store.read(snakemake.input.images, "images"),
        store.read(snakemake.input.split, "split"),
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(predictions, snakemake.output.predictions, "head_predictions", record)
