"""Join errors made elsewhere with the images: a table as of a run, and what was left out."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.data.external import Source, join_errors

    errors, counts = join_errors(
        Path(job.input.table),
        job.read_settings(Source),
        job.read("images"),
        name=job.wildcards.loss,
    )
    job.write("errors", errors)
    job.write("counts", counts, "external")
