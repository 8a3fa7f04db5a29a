"""Draw the error of a loss, at its best learning rate, over memorability: in bins, and every image."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import best_learning_rate
    from memorability.analysis.gathering import from_errors
    from memorability.report.figures import errors, scores, style

    params, output, images = job.params, job.output, job.read("images")
    values, rows = best_learning_rate(
        from_errors(job.read_runs("errors")), job.read("correlations"), job.wildcards.loss
    )
    shared = {
        "target": params.target,
        "score": params.score,
        "title": style.run_title(rows),
        "confidence": params.confidence,
        "note": params.note,
    }
    figure = scores.values_by_memorability(
        values, images, rows, bins=params.bins, ylabel="reconstruction error", **shared
    )
    style.save(figure, output.svg, output.png)
    scatter = errors.errors_by_score(values, images, rows, **shared)
    style.save(scatter, output.scatter_svg, output.scatter_png)
