"""Fine-tune one run: its errors, its history, its model and the record of how it was made."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    import json

    from memorability import tables
    from memorability.checkpoints import Checkpoints, arithmetic
    from memorability.evaluation import choose_device
    from memorability.files import atomic
    from memorability.finetuning import finetune
    from memorability.images import open_store
    from memorability.job import progress
    from memorability.models.autoencoder import write_autoencoder
    from memorability.provenance import file_hashes, run_record, settings_hash, table_record
    from memorability.seeding import make_deterministic

    settings, output, given = snakemake.params.settings, snakemake.output, snakemake.input
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = tables.read(given.images, "images")
    inputs = file_hashes(given)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    key = settings_hash([settings, snakemake.params.code, inputs, arithmetic(device)])
    # Not a parameter of the rule: how often state is saved makes no result stale.
    with Checkpoints(key, snakemake.config["compute"]["checkpoint_seconds"]) as checkpoints:
        left = 2 * settings["epochs"] * len(images) - checkpoints.done
        with progress(left, "fine-tuning") as step:
            where = {"device": device, "checkpoints": checkpoints, "on_image": step}
            where["official_splits"] = tables.read_if_any(given.official_splits, "official_splits")
            run = finetune(open_store(given.pixels), images, settings, **where)
        tables.write(run.errors, output.errors, "errors", record)
        tables.write(run.history, output.history, "history", record)
        tables.write(run.outcomes, output.outcome, "outcomes", record)
        made = run_record(record, settings, inputs, run.receipts, run.outcome, device)
        with atomic(output.model) as temporary:
            write_autoencoder(run.model, temporary, made)
        with atomic(output.record) as temporary:
            temporary.write_text(json.dumps(made, indent=1), encoding="utf-8")
