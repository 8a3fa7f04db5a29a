"""Fine-tune one run: its errors, its history, its model and the record of how it was made."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    import json

    from memorability.autoencoder.architecture import write_autoencoder
    from memorability.autoencoder.resuming import resumable_run
    from memorability.base.files import atomic
    from memorability.base.hashes import file_hashes
    from memorability.base.seeding import make_deterministic
    from memorability.data.splits import with_split
    from memorability.images.store import open_store
    from memorability.networks.computing import choose_device
    from memorability.tables import store
    from memorability.workflow.records import run_record, table_record

    settings, output, given = snakemake.params.settings, snakemake.output, snakemake.input
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = with_split(
        store.read(given.images, "prepared"), store.read_if_any(given.split, "split")
    )
    inputs = file_hashes([file for file in given if file not in given.targets])
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    how = {"device": device, "code": snakemake.params.code, "inputs": inputs}
    how["targets"] = given.targets
    how["seconds"] = snakemake.config["compute"]["checkpoint_seconds"]
    how["share"] = snakemake.config["compute"]["share_runs"]
    pixels = open_store(given.pixels)
    with resumable_run(pixels, images, settings, **how) as run:
        store.write(run.errors, output.errors, "errors", record)
        store.write(run.history, output.history, "history", record)
        store.write(run.outcomes, output.outcome, "outcomes", record)
        made = run_record(record, settings, inputs, run.receipts, run.outcome, device)
        with atomic(output.model) as temporary:
            write_autoencoder(run.model, temporary, made)
        with atomic(output.record) as temporary:
            temporary.write_text(json.dumps(made, indent=1), encoding="utf-8")
