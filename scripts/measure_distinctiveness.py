"""Measure the distinctiveness of every latent."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.distinctiveness import distinctiveness_table
    from memorability.provenance import table_record

    settings = snakemake.params.settings
    images = tables.read(snakemake.input.images, "images")
    latents = tables.LatentFile(snakemake.input.latents)
    table = distinctiveness_table(
        latents.image_ids,
        latents,
        images.set_index("image_id")["category"],
        **settings,
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(table, snakemake.output.distinctiveness, "distinctiveness", record)
