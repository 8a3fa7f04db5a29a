"""Draw how well predictors of pixels rank the images of several data sets."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures.predictors import on_test_sets
    from memorability.report.figures.style import save

    figure = on_test_sets(
        job.read("table", "test_sets"), confidence=job.params.confidence, note=job.params.note
    )
    save(figure, job.output.svg, job.output.png)
