"""Measure controls on every image: errors without learning, and complexity."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.autoencoder.without_learning import ControlSettings, measure_controls
    from memorability.base.job_log import progress
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device

    settings = job.read_settings(ControlSettings)
    device = deterministic_device(settings.compute)
    images = job.read("images")
    features = job.read("features")
    pixels = open_store(job.input.pixels)
    with progress((len(settings.seeds) + 1) * len(images), "measuring controls") as step:
        table = measure_controls(pixels, images, features, settings, device=device, on_image=step)
    job.write("controls", table)
