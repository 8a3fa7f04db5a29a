"""Fine-tune the selected model for longer: its errors after each epoch."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.checkpoints import Checkpoints, arithmetic
    from memorability.evaluation import choose_device
    from memorability.finetuning import finetune, images_shown
    from memorability.images import open_store
    from memorability.job import progress
    from memorability.provenance import file_hashes, settings_hash, table_record
    from memorability.seeding import make_deterministic

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = tables.read(snakemake.input.images, "images")
    official = tables.read_if_any(snakemake.input.official_splits, "official_splits")
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    inputs = file_hashes(snakemake.input)
    key = settings_hash([settings, snakemake.params.code, inputs, arithmetic(device)])
    with Checkpoints(key, snakemake.config["compute"]["checkpoint_seconds"]) as checkpoints:
        left = images_shown(images, settings, official) - checkpoints.done
        with progress(left, "fine-tuning") as step:
            how = {"device": device, "checkpoints": checkpoints, "on_image": step}
            run = finetune(open_store(snakemake.input.pixels), images, settings, official, **how)
        tables.write(run.errors, snakemake.output.errors, "errors", record)
