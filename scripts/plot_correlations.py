"""Draw correlations over learning rates."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables

    correlations = tables.read(snakemake.input.correlations[0], "correlations")
    figure = figures.correlations_by_learning_rate(correlations, note=snakemake.params.note)
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
