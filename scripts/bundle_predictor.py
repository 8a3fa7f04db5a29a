"""Save the predictor with its encoder: one file that scores any image, and its facts for reading."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    import json
    from pathlib import Path

    from memorability.autoencoder.architecture import read_autoencoder
    from memorability.base.files import atomic
    from memorability.base.seeding import make_deterministic
    from memorability.prediction.predictors.trained import read_predictor
    from memorability.scorer.bundle import bundle, write_saved_predictor
    from memorability.tables import store
    from memorability.tables.latents import read_latents
    from memorability.workflow.records import table_record

    given, settings = snakemake.input, snakemake.params.settings
    make_deterministic(settings["threads"])
    ids, latents = read_latents(given.latents)
    saved = bundle(
        read_autoencoder(given.model),
        read_predictor(given.predictor),
        latents,
        store.read(given.predictions, "predictions").set_index("image_id").loc[ids].reset_index(),
        settings=settings,
        run=json.loads(Path(given.record).read_text(encoding="utf-8")),
        made=table_record(snakemake.params.study, settings, snakemake.params.code),
    )
    with atomic(snakemake.output.bundle) as temporary:
        write_saved_predictor(saved, temporary)
    with atomic(snakemake.output.facts) as temporary:
        temporary.write_text(json.dumps(saved.facts, indent=1), encoding="utf-8")
