"""List what was made elsewhere: a table and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.pages import write_page
    from memorability.report.reading import external_for_reading

    sources = job.read_runs("counts", "external")
    job.write("table", sources, "external")
    write_page(
        external_for_reading(sources),
        job.output.page,
        title="Made elsewhere, and joined with the images of this study",
        note=job.params.note,
    )
