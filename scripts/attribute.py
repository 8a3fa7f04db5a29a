"""Attribute predicted memorability to pixels: a summary and a map of each explained image."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.autoencoder.architecture import read_autoencoder
    from memorability.base.seeding import make_deterministic
    from memorability.explanation.jobs import explain, kept_shards
    from memorability.images.store import open_store
    from memorability.networks.computing import choose_device
    from memorability.prediction.predictors.trained import read_predictor
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings, given, code = snakemake.params.settings, snakemake.input, snakemake.params.code
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    record = table_record(snakemake.params.study, settings, code)
    with kept_shards(settings, code, given, device) as shards:
        table = explain(
            read_autoencoder(given.model),
            read_predictor(given.predictor),
            open_store(given.pixels),
            store.read(given.images, "images"),
            store.read(given.predictions, "predictions"),
            settings,
            device=device,
            shards=shards,
            maps=snakemake.output.maps,
        )
        store.write(table, snakemake.output.attributions, "attributions", record)
