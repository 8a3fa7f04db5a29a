"""Draw how far each choice of a protocol moves the correlation."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.figures import comparisons, style
    from memorability.tables import store

    figure = comparisons.protocol_effects(
        store.read(snakemake.input.effects, "protocol_effects"),
        learning_rate=snakemake.params.learning_rate,
        note=snakemake.params.note,
    )
    style.save(figure, snakemake.output.svg, snakemake.output.png)
