"""Attribute predicted memorability to pixels: a summary and a map of each explained image."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.attributions.running import explain, kept_shards
    from memorability.evaluation import choose_device
    from memorability.images import open_store
    from memorability.models.autoencoder import read_autoencoder
    from memorability.prediction import read_predictor
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    settings, given, code = snakemake.params.settings, snakemake.input, snakemake.params.code
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    record = table_record(snakemake.params.study, settings, code)
    with kept_shards(settings, code, given, device) as shards:
        table = explain(
            read_autoencoder(given.model),
            read_predictor(given.predictor),
            open_store(given.pixels),
            tables.read(given.images, "images"),
            tables.read(given.predictions, "predictions"),
            settings,
            device=device,
            shards=shards,
            maps=snakemake.output.maps,
        )
        tables.write(table, snakemake.output.attributions, "attributions", record)
