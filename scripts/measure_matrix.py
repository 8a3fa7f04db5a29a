"""Measure the best model of a training loss under every metric."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.evaluation import choose_device
    from memorability.images import open_store
    from memorability.job import progress
    from memorability.matrix import measure_best
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = tables.read(snakemake.input.images, "images")
    errors = tables.read_runs(snakemake.input.errors, "errors")
    models = dict(zip(settings["learning_rates"], snakemake.input.models, strict=True))
    seed, pixels = snakemake.wildcards.seed, open_store(snakemake.input.pixels)
    with progress(len(images), "measuring") as step:
        where = {"seed": seed, "device": device, "on_image": step}
        table = measure_best(models, errors, pixels, images, settings, **where)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(table, snakemake.output.errors, "matrix", record)
