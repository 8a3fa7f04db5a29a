"""Measure how often intervals around predictions hold scores of test images: a table and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.prediction.intervals import interval_coverage, labelled_test
    from memorability.report.pages import write_page
    from memorability.report.readings.intervals import intervals_for_reading

    test = labelled_test(job.read("predictions"), job.read("images"))
    held = interval_coverage(test, **job.settings)
    job.write("intervals", held, "prediction_intervals")
    write_page(
        intervals_for_reading(held),
        job.output.page,
        title="Intervals around predicted scores",
        note=job.params.note,
    )
