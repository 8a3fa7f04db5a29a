"""Draw the distribution of scores by category."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables

    images = tables.read(snakemake.input.images, "images")
    figure = figures.scores_by_category(
        images, target=snakemake.params.target, note=snakemake.params.note
    )
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
