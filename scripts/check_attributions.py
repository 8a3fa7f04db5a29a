"""Check attributions: other baselines, random weights, deletion and insertion of pixels."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    import numpy as np

    from memorability.autoencoder.architecture import read_autoencoder
    from memorability.explanation.jobs import CheckSettings, check, kept_shards
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device
    from memorability.prediction.predictors.trained import read_predictor

    settings, given = job.read_settings(CheckSettings), job.input
    device = deterministic_device(settings.compute)
    with kept_shards(job.settings, job.params.code, given, device) as shards:
        variants, similarity, curves = check(
            read_autoencoder(given.model),
            read_predictor(given.predictor),
            open_store(given.pixels),
            job.read("images"),
            job.read("predictions"),
            job.read("attributions"),
            np.load(given.maps, mmap_mode="r"),
            settings,
            device=device,
            shards=shards,
        )
        job.write("variants", variants, "attribution_variants")
        job.write("similarity", similarity, "attribution_similarity")
        job.write("curves", curves, "attribution_curves")
