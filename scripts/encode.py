"""Encode every image: the latents of a fine-tuned model."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.autoencoder.architecture import read_autoencoder
    from memorability.autoencoder.reconstruction import encode_all
    from memorability.base.job_log import progress
    from memorability.images.store import open_store
    from memorability.networks.computing import Compute, deterministic_device, place
    from memorability.tables.latents import write_latents

    device = deterministic_device(job.read_settings(Compute))
    ids = job.read("images", "prepared")["image_id"]
    model = place(read_autoencoder(job.input.model), device)
    with progress(len(ids), "encoding") as step:
        latents = encode_all(model, open_store(job.input.pixels), device=device, on_image=step)
    write_latents(list(ids), latents, job.output.latents, job.record)
