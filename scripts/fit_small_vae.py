"""Train a small variational autoencoder of images, and place the test images on its plane."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.base.job_log import progress
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device
    from memorability.where.embeddings.small_vae import STEPS, VaeSettings, place_images
    from memorability.where.looking import scored_test_images

    settings = job.read_settings(VaeSettings)
    device = deterministic_device(settings.compute)
    split = job.read("split")["split"].to_numpy()
    test = scored_test_images(job.read("images"), split)
    with progress(STEPS, "training the small VAE") as step:
        placed = place_images(
            open_store(job.input.pixels), split, settings, device=device, on_step=step
        )
    means = test[["image_id"]].assign(x=placed.means[:, 0], y=placed.means[:, 1])
    job.write("means", means, "small_vae_means")
    job.write("curve", placed.curve, "small_vae")
