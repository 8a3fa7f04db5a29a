"""Draw the correlation of each learning rate of each loss, with the published and honest choices."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import own_runs
    from memorability.report.figures import learning, style

    figure = learning.learning_rate_selection(
        own_runs(job.read("correlations")),
        job.read("seeds", "selection_seeds"),
        job.read("selection"),
        job.read("choices", "selection_choices"),
        confidence=job.params.confidence,
        note=job.params.note,
    )
    style.save(figure, job.output.svg, job.output.png)
