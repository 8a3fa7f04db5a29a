"""Draw the correlation of every measure of distinctiveness with memorability."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables
    from memorability.quantities import own_runs

    figure = figures.forest(
        own_runs(tables.read(snakemake.input.correlations[0], "correlations")),
        title="Distinctiveness and memorability",
        note=snakemake.params.note,
    )
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
