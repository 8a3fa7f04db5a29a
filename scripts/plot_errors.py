"""Draw the error of a loss, at its best learning rate, over memorability bins."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.correlations import best_learning_rate
    from memorability.analysis.gathering import from_errors
    from memorability.report.figures import scores, style
    from memorability.tables import store

    correlations = store.read(snakemake.input.correlations[0], "correlations")
    values, rows = best_learning_rate(
        from_errors(store.read_runs(snakemake.input.errors, "errors")),
        correlations,
        snakemake.wildcards.loss,
    )
    figure = scores.values_by_memorability(
        values,
        store.read(snakemake.input.images, "images"),
        rows,
        target=snakemake.params.target,
        bins=snakemake.params.bins,
        title=style.run_title(rows),
        ylabel="reconstruction error",
        note=snakemake.params.note,
    )
    style.save(figure, snakemake.output.svg, snakemake.output.png)
