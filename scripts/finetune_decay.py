"""Fine-tune the selected model for longer: its errors after each epoch."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.autoencoder.resuming import resumable_run
    from memorability.base.hashes import file_hashes
    from memorability.base.seeding import make_deterministic
    from memorability.data.splits import with_split
    from memorability.images.store import open_store
    from memorability.networks.computing import choose_device
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    images = with_split(
        store.read(snakemake.input.images, "prepared"),
        store.read_if_any(snakemake.input.split, "split"),
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    inputs = file_hashes([file for file in snakemake.input if file not in snakemake.input.targets])
    how = {"device": device, "code": snakemake.params.code, "inputs": inputs}
    how["targets"] = snakemake.input.targets
    how["seconds"] = snakemake.config["compute"]["checkpoint_seconds"]
    how["share"] = snakemake.config["compute"]["share_runs"]
    pixels = open_store(snakemake.input.pixels)
    with resumable_run(pixels, images, settings, **how) as run:
        store.write(run.errors, snakemake.output.errors, "errors", record)
