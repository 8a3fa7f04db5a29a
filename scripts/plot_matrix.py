"""Draw the correlation of every training loss under every metric."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import comparisons, style

    correlations = job.read("correlations")
    figure = comparisons.metric_matrix(
        correlations, confidence=job.params.confidence, note=job.params.note
    )
    style.save(figure, job.output.svg, job.output.png)
