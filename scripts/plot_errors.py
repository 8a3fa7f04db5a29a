"""Draw the error of a loss, at its best learning rate, over memorability bins."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables
    from memorability.quantities import best_learning_rate, from_errors

    correlations = tables.read(snakemake.input.correlations[0], "correlations")
    values, rows = best_learning_rate(
        from_errors(tables.read_runs(snakemake.input.errors, "errors")),
        correlations,
        snakemake.wildcards.loss,
    )
    figure = figures.values_by_memorability(
        values,
        tables.read(snakemake.input.images, "images"),
        rows,
        target=snakemake.params.target,
        bins=snakemake.params.bins,
        title=figures.run_title(rows),
        ylabel="reconstruction error",
        note=snakemake.params.note,
    )
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
