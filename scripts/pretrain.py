"""Pre-train an autoencoder: its model, the errors by epoch and the record of how it was made."""

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
    from memorability.job import progress
    from memorability.models.autoencoder import write_autoencoder
    from memorability.pretraining import pretrain
    from memorability.provenance import file_hashes, run_record, table_record
    from memorability.seeding import make_deterministic

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    pixels = open_store(snakemake.input.pixels)
    with progress(settings["epochs"] * len(pixels), "pre-training") as step:
        made = pretrain(pixels, settings, device=device, on_image=step)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    history = made.history.assign(resize=settings["resize"], **settings["architecture"])
    tables.write(history, snakemake.output.history, "pretraining", record)
    summary = made.summary | {"directory": settings["images"]}
    inputs, outcome = file_hashes(snakemake.input), {"outcome": "finished"}
    model_record = run_record(record, settings, inputs, [], outcome, device)
    model_record["pretraining"] = summary
    with atomic(snakemake.output.model) as temporary:
        write_autoencoder(made.model, temporary, model_record)
    with atomic(snakemake.output.record) as temporary:
        temporary.write_text(json.dumps(model_record, indent=1), encoding="utf-8")
