"""Draw the error of a loss, at its best learning rate, over memorability bins."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import best_learning_rate
    from memorability.analysis.gathering import from_errors
    from memorability.report.figures import scores, style

    correlations = job.read("correlations")
    values, rows = best_learning_rate(
        from_errors(job.read_runs("errors")),
        correlations,
        job.wildcards.loss,
    )
    figure = scores.values_by_memorability(
        values,
        job.read("images"),
        rows,
        target=job.params.target,
        bins=job.params.bins,
        title=style.run_title(rows),
        ylabel="reconstruction error",
        note=job.params.note,
    )
    style.save(figure, job.output.svg, job.output.png)
