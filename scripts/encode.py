"""Encode every image: the latents of a fine-tuned model."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.autoencoder.architecture import read_autoencoder
    from memorability.autoencoder.reconstruction import encode_all
    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.images.store import open_store
    from memorability.networks.computing import choose_device, place
    from memorability.tables import store
    from memorability.tables.latents import write_latents
    from memorability.workflow.records import table_record

    make_deterministic(snakemake.params.settings["threads"])
    device = choose_device(snakemake.params.settings["device"])
    ids = store.read(snakemake.input.images, "prepared")["image_id"]
    model = place(read_autoencoder(snakemake.input.model), device)
    with progress(len(ids), "encoding") as step:
        latents = encode_all(
            model, open_store(snakemake.input.pixels), device=device, on_image=step
        )
    record = table_record(snakemake.params.study, snakemake.params.settings, snakemake.params.code)
    write_latents(list(ids), latents, snakemake.output.latents, record)
