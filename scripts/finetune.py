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
    from memorability.images import open_store
    from memorability.models.autoencoder import write_autoencoder
    from memorability.provenance import file_hashes, run_record, table_record
    from memorability.resumable import resumable_run
    from memorability.seeding import make_deterministic
    from memorability.splits import with_split

    settings, output, given = snakemake.params.settings, snakemake.output, snakemake.input
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = with_split(
        tables.read(given.images, "prepared"), tables.read_if_any(given.split, "split")
    )
    inputs = file_hashes([file for file in given if file not in given.targets])
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    how = {"device": device, "code": snakemake.params.code, "inputs": inputs}
    how["targets"] = given.targets
    how["seconds"] = snakemake.config["compute"]["checkpoint_seconds"]
    how["share"] = snakemake.config["compute"]["share_runs"]
    pixels = open_store(given.pixels)
    with resumable_run(pixels, images, settings, **how) as run:
        tables.write(run.errors, output.errors, "errors", record)
        tables.write(run.history, output.history, "history", record)
        tables.write(run.outcomes, output.outcome, "outcomes", record)
        made = run_record(record, settings, inputs, run.receipts, run.outcome, device)
        with atomic(output.model) as temporary:
            write_autoencoder(run.model, temporary, made)
        with atomic(output.record) as temporary:
            temporary.write_text(json.dumps(made, indent=1), encoding="utf-8")
