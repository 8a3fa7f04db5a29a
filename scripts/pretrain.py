"""Pre-train an autoencoder: its model, the errors by epoch and the record of how it was made."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from dataclasses import asdict

    from memorability.autoencoder.architecture import write_autoencoder
    from memorability.autoencoder.pretraining import PretrainingSettings, pretrain
    from memorability.base.files import atomic
    from memorability.base.hashes import file_hashes
    from memorability.base.job_log import progress
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device
    from memorability.workflow.records import run_record

    settings = job.read_settings(PretrainingSettings)
    device = deterministic_device(settings.compute)
    pixels = open_store(job.input.pixels)
    with progress(settings.epochs * len(pixels), "pre-training") as step:
        made = pretrain(pixels, settings, device=device, on_image=step)
    history = made.history.assign(resize=settings.resize, **asdict(settings.architecture))
    job.write("history", history, "pretraining")
    inputs, outcome = file_hashes(job.input), {"outcome": "finished"}
    record = run_record(job.record, job.settings, inputs, [], outcome, device)
    record["pretraining"] = made.summary | {"directory": settings.images}
    with atomic(job.output.model) as temporary:
        write_autoencoder(made.model, temporary, record)
    job.write_json("record", record)
