"""Draw the correlation of error with memorability after each epoch, with the published points."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.claims.answers import published_points
    from memorability.report.figures import learning, style
    from memorability.tables import store

    figure = learning.decay(
        store.read(snakemake.input.decay, "decay"),
        store.read(snakemake.input.seeds, "decay_seeds"),
        published_points(),
        note=snakemake.params.note,
    )
    style.save(figure, snakemake.output.svg, snakemake.output.png)
