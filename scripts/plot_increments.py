"""Draw what each quantity adds to labels, to controls and to the rest."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import comparisons, style

    params = job.params
    figure = comparisons.increments(
        job.read("increments", "incremental"), confidence=params.confidence, note=params.note
    )
    style.save(figure, job.output.svg, job.output.png)
