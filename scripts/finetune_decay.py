"""Fine-tune the selected model for longer: its errors after each epoch."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.evaluation import choose_device
    from memorability.finetuning import finetune
    from memorability.images import open_store
    from memorability.job import progress
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = tables.read(snakemake.input.images, "images")
    with progress(2 * settings["epochs"] * len(images), "fine-tuning") as step:
        pixels = open_store(snakemake.input.pixels)
        run = finetune(pixels, images, settings, device=device, on_image=step)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(run.errors, snakemake.output.errors, "errors", record)
