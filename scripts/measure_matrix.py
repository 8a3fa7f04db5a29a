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
    from memorability.matrix import highest_rate, lost_errors, make_metrics, measure_metrics
    from memorability.models.autoencoder import read_autoencoder
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = tables.read(snakemake.input.images, "images")
    errors = tables.read_runs(snakemake.input.errors, "errors")
    lr = highest_rate(errors, images, target=settings["target"])
    metrics, ids = make_metrics(settings, device), list(images["image_id"])
    table = lost_errors(metrics, ids)
    run = errors[(errors["lr"] == lr) & (errors["seed"] == snakemake.wildcards.seed)]
    if run["error"].notna().all():
        models = dict(zip(settings["learning_rates"], snakemake.input.models, strict=True))
        model = read_autoencoder(models[lr]).to(device).eval()
        with progress(len(images), "measuring") as step:
            pixels = open_store(snakemake.input.pixels)
            table = measure_metrics(model, metrics, pixels, ids, device=device, on_image=step)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(table.assign(lr=lr), snakemake.output.errors, "matrix", record)
