"""Fine-tune the analysed model for longer: its errors after each epoch."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.autoencoder.finetuning import RunSettings
    from memorability.autoencoder.resuming import resumable_run
    from memorability.base.hashes import file_hashes
    from memorability.data.splits import with_split
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device

    settings, given = job.read_settings(RunSettings), job.input
    device = deterministic_device(settings.compute)
    images = with_split(job.read("images", "prepared"), job.read_if_any("split"))
    inputs = file_hashes([file for file in given if file not in given.targets])
    with resumable_run(
        open_store(given.pixels),
        images,
        settings,
        device=device,
        targets=given.targets,
        code=job.params.code,
        inputs=inputs,
        seconds=job.config["compute"]["checkpoint_seconds"],
        share=job.config["compute"]["share_runs"],
    ) as run:
        job.write("errors", run.errors)
