"""Draw the correlation of every training loss under every metric."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables

    correlations = tables.read(snakemake.input.correlations[0], "correlations")
    figure = figures.metric_matrix(correlations, note=snakemake.params.note)
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
