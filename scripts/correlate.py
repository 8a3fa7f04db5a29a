"""Correlate one quantity of every image with memorability."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.provenance import table_record
    from memorability.quantities import SOURCES, correlations

    settings = snakemake.params.settings
    source, gather = SOURCES[snakemake.wildcards.quantity]
    table = correlations(
        gather(tables.read_runs(snakemake.input.values, source)),
        tables.read(snakemake.input.images, "images"),
        tables.read_runs(snakemake.input.outcomes, "outcomes"),
        tables.read_if_any(snakemake.input.ceiling, "ceiling"),
        tables.read(snakemake.input.baselines, "baselines"),
        target=settings["target"],
        draws=settings["bootstrap"],
        confidence=settings["confidence"],
        seed=settings["seed"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(table, snakemake.output.correlations, "correlations", record)
    tables.write_tsv(table, snakemake.output.tsv)
