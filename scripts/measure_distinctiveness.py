"""Measure the distinctiveness of every latent."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.distinctiveness import distinctiveness_table
    from memorability.tables.latents import LatentFile

    images = job.read("images")
    latents = LatentFile(job.input.latents)
    table = distinctiveness_table(
        latents.image_ids,
        latents,
        images.set_index("image_id")["category"],
        **job.settings,
    )
    job.write("distinctiveness", table)
