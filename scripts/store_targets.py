"""Store what a loss compares reconstructions with."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.evaluation import choose_device
    from memorability.finetuning import run_loss
    from memorability.images import open_store
    from memorability.job import progress
    from memorability.seeding import make_deterministic
    from memorability.targets import write_targets

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    pixels = open_store(snakemake.input.pixels)
    loss, _, _ = run_loss(settings, device)
    with progress(len(pixels), "computing targets") as step:
        write_targets(loss, pixels, snakemake.output.targets, device=device, on_image=step)
