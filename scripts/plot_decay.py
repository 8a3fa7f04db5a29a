"""Draw the correlation of error with memorability after each epoch, with the published points."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables
    from memorability.decay import published_points

    figure = figures.decay(
        tables.read(snakemake.input.decay, "decay"),
        tables.read(snakemake.input.seeds, "decay_seeds"),
        published_points(),
        note=snakemake.params.note,
    )
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
