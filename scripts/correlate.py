"""Correlate one quantity of every image with memorability."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.correlations import correlations
    from memorability.analysis.gathering import SOURCES
    from memorability.statistics.intervals import Bootstrap
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    source, gather = SOURCES[snakemake.wildcards.quantity]
    table = correlations(
        gather(store.read_runs(snakemake.input.values, source)),
        store.read(snakemake.input.images, "images"),
        store.read_runs(snakemake.input.outcomes, "outcomes"),
        store.read_if_any(snakemake.input.ceiling, "ceiling"),
        store.read(snakemake.input.baselines, "baselines"),
        target=settings["target"],
        bootstrap=Bootstrap(**settings["bootstrap"]),
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(table, snakemake.output.correlations, "correlations", record)
    store.write_tsv(table, snakemake.output.tsv)
