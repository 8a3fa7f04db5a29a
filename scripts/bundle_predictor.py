"""Save the predictor with its encoder: one file that scores any image, and its facts for reading."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    import json
    from pathlib import Path

    from memorability.autoencoder.architecture import read_autoencoder
    from memorability.base.files import atomic
    from memorability.base.seeding import make_deterministic
    from memorability.prediction.intervals import interval_coverage
    from memorability.prediction.predictors.trained import read_predictor
    from memorability.report.pages import write_page
    from memorability.report.provenance import intervals_for_reading
    from memorability.scorer.bundle import (
        BundleSettings,
        bundle,
        labelled_test,
        write_saved_predictor,
    )
    from memorability.tables.latents import read_latents

    given = job.input
    make_deterministic(threads=1)
    ids, latents = read_latents(given.latents)
    settings = job.read_settings(BundleSettings)
    predictions, images = job.read("predictions"), job.read("images")
    saved = bundle(
        read_autoencoder(given.model),
        read_predictor(given.predictor),
        latents,
        predictions.set_index("image_id").loc[ids].reset_index(),
        images,
        settings=settings,
        run=json.loads(Path(given.record).read_text(encoding="utf-8")),
        made=job.record,
    )
    with atomic(job.output.bundle) as temporary:
        write_saved_predictor(saved, temporary)
    job.write_json("facts", saved.facts)
    held = interval_coverage(labelled_test(predictions, images), settings.confidence)
    job.write("intervals", held, "prediction_intervals")
    write_page(
        intervals_for_reading(held),
        job.output.page,
        title="Intervals around predicted scores",
        note=settings.note,
    )
