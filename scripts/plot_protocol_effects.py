"""Draw how far each choice of a protocol moves the correlation."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables

    figure = figures.protocol_effects(
        tables.read(snakemake.input.effects, "protocol_effects"),
        learning_rate=snakemake.params.learning_rate,
        note=snakemake.params.note,
    )
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
