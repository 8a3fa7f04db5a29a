"""Draw the agreement of halves of the observers by the number of responses."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.figures import scores, style
    from memorability.tables import store

    figure = scores.consistency_by_responses(
        store.read(snakemake.input.consistency, "consistency"), note=snakemake.params.note
    )
    style.save(figure, snakemake.output.svg, snakemake.output.png)
