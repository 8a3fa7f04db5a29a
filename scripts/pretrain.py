"""Pre-train an autoencoder: its model, the errors by epoch and the record of how it was made."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from dataclasses import asdict

    from memorability.autoencoder.architecture import write_autoencoder
    from memorability.autoencoder.pretraining import PretrainingSettings
    from memorability.autoencoder.resuming import resumable_pretraining
    from memorability.base.files import atomic
    from memorability.base.hashes import file_hashes
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device
    from memorability.workflow.records import run_record

    settings = job.read_settings(PretrainingSettings)
    device = deterministic_device(settings.compute)
    inputs, outcome = file_hashes(job.input), {"outcome": "finished"}
    with resumable_pretraining(
        open_store(job.input.pixels),
        settings,
        device=device,
        code=job.params.code,
        inputs=inputs,
        seconds=job.config["compute"]["checkpoint_seconds"],
    ) as made:
        history = made.history.assign(resize=settings.resize, **asdict(settings.architecture))
        job.write("history", history, "pretraining")
        receipts = [made.receipt.record()]
        record = run_record(job.record, job.settings, inputs, receipts, outcome, device)
        begun = {"directory": settings.images, "initial_weights": settings.start.initial_weights}
        record["pretraining"] = made.summary | begun
        with atomic(job.output.model) as temporary:
            write_autoencoder(made.model, temporary, record)
        job.write_json("record", record)
