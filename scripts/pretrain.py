"""Pre-train an autoencoder: its model, the errors by epoch and the record of how it was made."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    import json

    from memorability.autoencoder.architecture import write_autoencoder
    from memorability.autoencoder.pretraining import pretrain
    from memorability.base.files import atomic
    from memorability.base.hashes import file_hashes
    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.images.store import open_store
    from memorability.networks.computing import choose_device
    from memorability.tables import store
    from memorability.workflow.records import run_record, table_record

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    pixels = open_store(snakemake.input.pixels)
    with progress(settings["epochs"] * len(pixels), "pre-training") as step:
        made = pretrain(pixels, settings, device=device, on_image=step)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    history = made.history.assign(resize=settings["resize"], **settings["architecture"])
    store.write(history, snakemake.output.history, "pretraining", record)
    summary = made.summary | {"directory": settings["images"]}
    inputs, outcome = file_hashes(snakemake.input), {"outcome": "finished"}
    model_record = run_record(record, settings, inputs, [], outcome, device)
    model_record["pretraining"] = summary
    with atomic(snakemake.output.model) as temporary:
        write_autoencoder(made.model, temporary, model_record)
    with atomic(snakemake.output.record) as temporary:
        temporary.write_text(json.dumps(model_record, indent=1), encoding="utf-8")
