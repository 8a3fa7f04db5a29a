"""Draw which predictor is best, by how much, and in which categories."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures.predictors import comparison
    from memorability.report.figures.style import save

    figure = comparison(
        job.read("comparison", "predictor_comparison"),
        job.read("by_category", "predictor_comparison_by_category"),
        confidence=job.params.confidence,
        note=job.params.note,
    )
    save(figure, job.output.svg, job.output.png)
