"""Measure what labels and the original's size alone tell of every image."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.baselines import label_baselines
    from memorability.provenance import table_record

    settings = snakemake.params.settings
    table = label_baselines(
        tables.read(snakemake.input.images, "images"),
        settings["split"],
        tables.read_if_any(snakemake.input.official_splits, "official_splits"),
        target=settings["target"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(table, snakemake.output.baselines, "baselines", record)
