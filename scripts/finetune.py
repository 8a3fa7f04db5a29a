"""Fine-tune one run: its errors, its history, its model and the record of how it was made."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    import json

    from memorability import tables
    from memorability.evaluation import choose_device
    from memorability.files import atomic
    from memorability.finetuning import finetune
    from memorability.images import open_store
    from memorability.job import progress
    from memorability.models.autoencoder import write_autoencoder
    from memorability.provenance import run_record, table_record
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
    tables.write(run.history, snakemake.output.history, "history", record)
    run_made = run_record(record, settings, run.receipts, device)
    with atomic(snakemake.output.model) as temporary:
        write_autoencoder(run.model, temporary, run_made)
    with atomic(snakemake.output.record) as temporary:
        temporary.write_text(json.dumps(run_made, indent=1), encoding="utf-8")
