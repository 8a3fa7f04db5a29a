"""Draw the correlation of error with memorability after each epoch, with the published points."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.claims.answers import published_points
    from memorability.report.figures import learning, style

    figure = learning.decay(
        job.read("decay"),
        job.read("seeds", "decay_seeds"),
        published_points(),
        compared=job.params.compared,
        confidence=job.params.confidence,
        note=job.params.note,
    )
    style.save(figure, job.output.svg, job.output.png)
