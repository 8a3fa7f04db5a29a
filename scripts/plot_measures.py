"""Draw the correlation of every measure of distinctiveness with memorability."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import own_runs
    from memorability.report.figures import comparisons, style

    figure = comparisons.forest(
        own_runs(job.read("correlations")),
        title="Distinctiveness and memorability",
        confidence=job.params.confidence,
        note=job.params.note,
    )
    style.save(figure, job.output.svg, job.output.png)
