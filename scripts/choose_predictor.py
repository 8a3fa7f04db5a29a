"""Choose the hyper-parameters of lowest validation loss among all trials."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.prediction.search import best
    from memorability.report.pages import write_page
    from memorability.report.reading import trials_for_reading

    trials = best(job.read_each("trials", "prediction_search"))
    job.write("search", trials, "prediction_search")
    write_page(
        trials_for_reading(trials),
        job.output.page,
        title="Hyper-parameters of the predictor, by validation loss",
        note=job.params.note,
    )
