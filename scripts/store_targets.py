"""Store what a loss compares reconstructions with."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.autoencoder.finetuning import run_loss
    from memorability.autoencoder.stored_targets import write_targets
    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.images.store import open_store
    from memorability.networks.computing import choose_device

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    pixels = open_store(snakemake.input.pixels)
    loss, _, _ = run_loss(settings, device)
    with progress(len(pixels), "computing targets") as step:
        write_targets(loss, pixels, snakemake.output.targets, device=device, on_image=step)
