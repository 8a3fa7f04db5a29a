"""Store what a loss compares reconstructions with."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.autoencoder.stored_targets import TargetSettings, write_targets
    from memorability.base.job_log import progress
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device, place
    from memorability.networks.losses import make_loss

    settings = job.read_settings(TargetSettings)
    device = deterministic_device(settings.compute)
    pixels = open_store(job.input.pixels)
    loss, _, _ = make_loss(settings.loss, precision=settings.compute.precision)
    place(loss, device)
    with progress(len(pixels), "computing targets") as step:
        write_targets(loss, pixels, job.output.targets, device=device, on_image=step)
