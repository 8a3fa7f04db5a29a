"""Fine-tune the selected model for longer: its errors after each epoch."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.evaluation import choose_device
    from memorability.images import open_store
    from memorability.provenance import file_hashes, table_record
    from memorability.resumable import resumable_run
    from memorability.seeding import make_deterministic
    from memorability.splits import with_split

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = with_split(
        tables.read(snakemake.input.images, "prepared"),
        tables.read_if_any(snakemake.input.split, "split"),
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    inputs = file_hashes([file for file in snakemake.input if file not in snakemake.input.targets])
    how = {"device": device, "code": snakemake.params.code, "inputs": inputs}
    how["targets"] = snakemake.input.targets
    how["seconds"] = snakemake.config["compute"]["checkpoint_seconds"]
    how["share"] = snakemake.config["compute"]["share_runs"]
    pixels = open_store(snakemake.input.pixels)
    with resumable_run(pixels, images, settings, **how) as run:
        tables.write(run.errors, snakemake.output.errors, "errors", record)
