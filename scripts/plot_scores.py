"""Draw the distribution of scores by category."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import scores, style

    images = job.read("images")
    params = job.params
    figure = scores.scores_by_category(
        images, target=params.target, score=params.score, note=params.note
    )
    style.save(figure, job.output.svg, job.output.png)
