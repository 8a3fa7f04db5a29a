"""List the rejected images: a table and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.pages import write_page

    rejected = job.read("rejected")
    job.write("table", rejected, "rejected")
    write_page(
        rejected,
        job.output.page,
        title="Images left out of the study",
        note=job.params.note,
        empty="Every image of the score table was found and could be used.",
    )
