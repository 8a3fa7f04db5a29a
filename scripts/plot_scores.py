"""Draw the distribution of scores by category."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.figures import scores, style
    from memorability.tables import store

    images = store.read(snakemake.input.images, "images")
    figure = scores.scores_by_category(
        images, target=snakemake.params.target, note=snakemake.params.note
    )
    style.save(figure, snakemake.output.svg, snakemake.output.png)
