"""Draw the agreement of halves of the observers by the number of responses."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import scores, style

    figure = scores.consistency_by_responses(job.read("consistency"), note=job.params.note)
    style.save(figure, job.output.svg, job.output.png)
