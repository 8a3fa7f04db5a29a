"""Attribute predicted memorability to pixels: a summary and a map of each explained image."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.autoencoder.architecture import read_autoencoder
    from memorability.explanation.jobs import ExplanationSettings, explain, kept_shards
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device
    from memorability.prediction.predictors.trained import read_predictor

    settings, given = job.read_settings(ExplanationSettings), job.input
    device = deterministic_device(settings.compute)
    with kept_shards(job.settings, job.params.code, given, device) as shards:
        table = explain(
            read_autoencoder(given.model),
            read_predictor(given.predictor),
            open_store(given.pixels),
            job.read("images"),
            job.read("predictions"),
            settings,
            device=device,
            shards=shards,
            maps=job.output.maps,
        )
        job.write("attributions", table)
