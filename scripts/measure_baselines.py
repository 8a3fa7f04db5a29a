"""Measure what labels and the original's size alone tell of every image."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.baselines import label_baselines
    from memorability.provenance import table_record
    from memorability.splits import with_split

    settings = snakemake.params.settings
    table = label_baselines(
        with_split(
            tables.read(snakemake.input.images, "images"),
            tables.read(snakemake.input.split, "split"),
        ),
        target=settings["target"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(table, snakemake.output.baselines, "baselines", record)
