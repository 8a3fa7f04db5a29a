"""Copy the latents to a file that jobs share by mapping it."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.tables import latents, store

    image_ids = list(store.read(snakemake.input.images, "images")["image_id"])
    latents.map_latents(snakemake.input.latents, snakemake.output.latents, image_ids)
