"""Read the user's own split: the part of every image."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.data.own_tables import read_split
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    split = read_split(
        Path(snakemake.input.table),
        settings["columns"],
        store.read(snakemake.input.images, "images"),
        store.read(snakemake.input.rejected, "rejected"),
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(split, snakemake.output.split, "official_splits", record)
