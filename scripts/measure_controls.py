"""Measure controls on every image: errors without learning, and complexity."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.autoencoder.without_learning import measure_controls
    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.images.store import open_store
    from memorability.networks.computing import choose_device
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = store.read(snakemake.input.images, "images")
    features = store.read(snakemake.input.features, "features")
    pixels = open_store(snakemake.input.pixels)
    with progress((len(settings["seeds"]) + 1) * len(images), "measuring controls") as step:
        table = measure_controls(pixels, images, features, settings, device=device, on_image=step)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(table, snakemake.output.controls, "controls", record)
