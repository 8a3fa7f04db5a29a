"""Draw the correlation of every measure of distinctiveness with memorability."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.correlations import own_runs
    from memorability.report.figures import comparisons, style
    from memorability.tables import store

    figure = comparisons.forest(
        own_runs(store.read(snakemake.input.correlations[0], "correlations")),
        title="Distinctiveness and memorability",
        note=snakemake.params.note,
    )
    style.save(figure, snakemake.output.svg, snakemake.output.png)
