"""Encode every image: the latents of a fine-tuned model."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.evaluation import choose_device, encode_all
    from memorability.images import open_store
    from memorability.job import progress
    from memorability.models.autoencoder import read_autoencoder
    from memorability.precision import place
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    make_deterministic(snakemake.params.settings["threads"])
    device = choose_device(snakemake.params.settings["device"])
    ids = tables.read(snakemake.input.images, "prepared")["image_id"]
    model = place(read_autoencoder(snakemake.input.model), device)
    with progress(len(ids), "encoding") as step:
        latents = encode_all(
            model, open_store(snakemake.input.pixels), device=device, on_image=step
        )
    record = table_record(snakemake.params.study, snakemake.params.settings, snakemake.params.code)
    tables.write_latents(list(ids), latents, snakemake.output.latents, record)
