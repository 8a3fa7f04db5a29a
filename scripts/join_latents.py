"""Join latents made elsewhere with the images: latents as of a run, and what was left out."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.data.external import Source, join_latents
    from memorability.tables.latents import write_latents

    ids, latents, counts = join_latents(
        Path(job.input.table),
        job.read_settings(Source),
        job.read("images"),
        name=job.wildcards.loss,
    )
    write_latents(ids, latents, job.output.latents, job.record)
    job.write("counts", counts, "external")
