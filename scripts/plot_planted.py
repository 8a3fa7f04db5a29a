"""Draw every effect planted in the sample beside what the study recovers of it."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import comparisons, style

    figure = comparisons.planted_and_found(
        job.read("effects", "planted_effects"),
        confidence=job.params.confidence,
        note=job.params.note,
    )
    style.save(figure, job.output.svg, job.output.png)
