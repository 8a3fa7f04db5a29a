"""Draw how far each choice of a protocol moves the correlation."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import comparisons, style

    figure = comparisons.protocol_effects(
        job.read("effects", "protocol_effects"),
        learning_rate=job.params.learning_rate,
        confidence=job.params.confidence,
        note=job.params.note,
    )
    style.save(figure, job.output.svg, job.output.png)
