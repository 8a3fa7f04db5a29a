"""Draw the correlation of each learning rate of each loss, with the published and honest choices."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables
    from memorability.quantities import own_runs

    figure = figures.learning_rate_selection(
        own_runs(tables.read(snakemake.input.correlations[0], "correlations")),
        tables.read(snakemake.input.seeds, "selection_seeds"),
        tables.read(snakemake.input.selection, "selection"),
        tables.read(snakemake.input.choices, "selection_choices"),
        note=snakemake.params.note,
    )
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
