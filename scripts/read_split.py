"""Read the user's own split: the part of every image."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability import tables
    from memorability.own_tables import read_split
    from memorability.provenance import table_record

    settings = snakemake.params.settings
    split = read_split(
        Path(snakemake.input.table),
        settings["columns"],
        tables.read(snakemake.input.images, "images"),
        tables.read(snakemake.input.rejected, "rejected"),
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(split, snakemake.output.split, "official_splits", record)
