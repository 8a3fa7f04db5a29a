"""Copy the latents to a file that jobs share by mapping it."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.tables.latents import map_latents

    map_latents(job.input.latents, job.output.latents, job.read("images")["image_id"])
