"""Draw the history of the search for the predictor's hyper-parameters."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import prediction
    from memorability.report.figures.style import save

    figure = prediction.search(job.read("search", "prediction_search"), note=job.params.note)
    save(figure, job.output.svg, job.output.png)
