"""Measure the best model of a training loss under every metric."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.autoencoder.cross_metrics import measure_best
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
    errors = store.read_runs(snakemake.input.errors, "errors")
    models = dict(zip(settings["learning_rates"], snakemake.input.models, strict=True))
    seed, pixels = snakemake.wildcards.seed, open_store(snakemake.input.pixels)
    with progress(len(images), "measuring") as step:
        where = {"seed": seed, "device": device, "on_image": step}
        table = measure_best(models, errors, pixels, images, settings, **where)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(table, snakemake.output.errors, "matrix", record)
