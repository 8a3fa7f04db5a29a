"""Save the predictor with its encoder: one file that scores any image, and its facts for reading."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    import json
    from pathlib import Path

    from memorability.autoencoder.architecture import read_autoencoder
    from memorability.base.files import atomic
    from memorability.base.seeding import make_deterministic
    from memorability.prediction.predictors.trained import read_predictor
    from memorability.scorer.bundle import BundleSettings, bundle, write_saved_predictor
    from memorability.tables.latents import read_latents

    given = job.input
    make_deterministic(threads=1)
    ids, latents = read_latents(given.latents)
    saved = bundle(
        read_autoencoder(given.model),
        read_predictor(given.predictor),
        latents,
        job.read("predictions").set_index("image_id").loc[ids].reset_index(),
        job.read("images"),
        settings=job.read_settings(BundleSettings),
        run=json.loads(Path(given.record).read_text(encoding="utf-8")),
        made=job.record,
    )
    with atomic(job.output.bundle) as temporary:
        write_saved_predictor(saved, temporary)
    job.write_json("facts", saved.facts)
