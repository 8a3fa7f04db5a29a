"""Measure the best model of a training loss under every metric."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.autoencoder.cross_metrics import MatrixSettings, measure_best
    from memorability.base.job_log import progress
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device

    settings = job.read_settings(MatrixSettings)
    device = deterministic_device(settings.compute)
    images = job.read("images")
    errors = job.read_runs("errors")
    models = dict(zip(settings.learning_rates, job.input.models, strict=True))
    seed, pixels = job.wildcards.seed, open_store(job.input.pixels)
    with progress(len(images), "measuring") as step:
        where = {"seed": seed, "device": device, "on_image": step}
        table = measure_best(models, errors, pixels, images, settings, **where)
    job.write("errors", table, "matrix")
