"""Measure controls on every image: errors without learning, and complexity."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.controls import measure_controls
    from memorability.evaluation import choose_device
    from memorability.images import open_store
    from memorability.job import progress
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = tables.read(snakemake.input.images, "images")
    features = tables.read(snakemake.input.features, "features")
    pixels = open_store(snakemake.input.pixels)
    with progress((len(settings["seeds"]) + 1) * len(images), "measuring controls") as step:
        table = measure_controls(pixels, images, features, settings, device=device, on_image=step)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(table, snakemake.output.controls, "controls", record)
