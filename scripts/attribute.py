"""Attribute predicted memorability to pixels: a summary and a map of each explained image."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    import numpy as np

    from memorability import tables
    from memorability.attribution import explain_images
    from memorability.evaluation import choose_device
    from memorability.files import atomic
    from memorability.images import open_store
    from memorability.job import progress
    from memorability.models.autoencoder import read_autoencoder
    from memorability.prediction import read_predictor
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    with progress(settings["images"], "attributing") as step:
        table, maps = explain_images(
            read_autoencoder(snakemake.input.model),
            read_predictor(snakemake.input.predictor),
            open_store(snakemake.input.pixels),
            tables.read(snakemake.input.images, "images"),
            tables.read(snakemake.input.predictions, "predictions"),
            settings,
            device=choose_device(settings["device"]),
            on_image=step,
        )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(table, snakemake.output.attributions, "attributions", record)
    with atomic(snakemake.output.maps) as temporary, temporary.open("wb") as store:
        np.save(store, maps)
