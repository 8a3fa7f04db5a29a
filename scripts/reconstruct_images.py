"""Reconstruct every image by the analysed model, as small pictures for the explorer."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.autoencoder.architecture import read_autoencoder
    from memorability.autoencoder.reconstruction import write_small_reconstructions
    from memorability.base.job_log import progress
    from memorability.images.store import open_store
    from memorability.networks.computing import Compute, deterministic_device, place

    device = deterministic_device(job.read_settings(Compute))
    pixels = open_store(job.input.pixels)
    with progress(len(pixels), "reconstructing") as step:
        write_small_reconstructions(
            place(read_autoencoder(job.input.model), device),
            pixels,
            job.params.batch_norm_mode,
            job.output.pixels,
            device=device,
            on_image=step,
        )
