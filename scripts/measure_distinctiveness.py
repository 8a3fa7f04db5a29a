"""Measure the distinctiveness of every latent."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.distinctiveness import distinctiveness_table
    from memorability.tables import store
    from memorability.tables.latents import LatentFile
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    images = store.read(snakemake.input.images, "images")
    latents = LatentFile(snakemake.input.latents)
    table = distinctiveness_table(
        latents.image_ids,
        latents,
        images.set_index("image_id")["category"],
        **settings,
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(table, snakemake.output.distinctiveness, "distinctiveness", record)
