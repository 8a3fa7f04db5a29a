"""Fine-tune the selected model for longer: its errors after each epoch."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.checkpoints import Checkpoints, arithmetic
    from memorability.evaluation import choose_device
    from memorability.finetuning import finetune
    from memorability.images import open_store
    from memorability.job import progress
    from memorability.provenance import file_hashes, settings_hash, table_record
    from memorability.seeding import make_deterministic

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = tables.read(snakemake.input.images, "images")
    splits = tables.read_if_any(snakemake.input.official_splits, "official_splits")
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    inputs = file_hashes(snakemake.input)
    key = settings_hash([settings, snakemake.params.code, inputs, arithmetic(device)])
    with Checkpoints(key, snakemake.config["compute"]["checkpoint_seconds"]) as checkpoints:
        images_left = 2 * settings["epochs"] * len(images) - checkpoints.done
        with progress(images_left, "fine-tuning") as step:
            where = {"device": device, "checkpoints": checkpoints, "on_image": step}
            where["official_splits"] = splits
            run = finetune(open_store(snakemake.input.pixels), images, settings, **where)
        tables.write(run.errors, snakemake.output.errors, "errors", record)
