"""Copy the latents to a file that jobs share by mapping it."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables

    image_ids = list(tables.read(snakemake.input.images, "images")["image_id"])
    tables.map_latents(snakemake.input.latents, snakemake.output.latents, image_ids)
