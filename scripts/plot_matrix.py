"""Draw the correlation of every training loss under every metric."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.figures import comparisons, style
    from memorability.tables import store

    correlations = store.read(snakemake.input.correlations[0], "correlations")
    figure = comparisons.metric_matrix(correlations, note=snakemake.params.note)
    style.save(figure, snakemake.output.svg, snakemake.output.png)
