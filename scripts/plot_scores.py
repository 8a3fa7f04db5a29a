"""Draw the distribution of scores by category."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import scores, style

    images = job.read("images")
    figure = scores.scores_by_category(images, target=job.params.target, note=job.params.note)
    style.save(figure, job.output.svg, job.output.png)
