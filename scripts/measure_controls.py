"""Measure controls on every image: errors before fine-tuning and without learning, and complexity."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.autoencoder.without_learning import ControlSettings, measure_controls
    from memorability.base.job_log import progress
    from memorability.data.splits import with_split
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device

    settings = job.read_settings(ControlSettings)
    device = deterministic_device(settings.compute)
    images = with_split(job.read("images"), job.read_if_any("split"))
    features = job.read("features")
    pixels = open_store(job.input.pixels)
    with progress(settings.passes * len(images), "measuring controls") as step:
        table = measure_controls(pixels, images, features, settings, device=device, on_image=step)
    job.write("controls", table)
