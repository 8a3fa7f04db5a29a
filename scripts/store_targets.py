"""Store what a loss compares reconstructions with."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.autoencoder.finetuning import run_loss
    from memorability.autoencoder.stored_targets import write_targets
    from memorability.base.job_log import progress
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device

    settings = job.settings
    device = deterministic_device(settings)
    pixels = open_store(job.input.pixels)
    loss, _, _ = run_loss(settings, device)
    with progress(len(pixels), "computing targets") as step:
        write_targets(loss, pixels, job.output.targets, device=device, on_image=step)
