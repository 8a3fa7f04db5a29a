"""Join latents made elsewhere with the images: latents as of a run, and what was left out."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.data.external import join_latents
    from memorability.tables import store
    from memorability.tables.latents import write_latents
    from memorability.workflow.records import table_record

    source, output = snakemake.params.source, snakemake.output
    ids, latents, counts = join_latents(
        Path(snakemake.input.table),
        source,
        store.read(snakemake.input.images, "images"),
        name=snakemake.wildcards.loss,
    )
    record = table_record(snakemake.params.study, source, snakemake.params.code)
    write_latents(ids, latents, output.latents, record)
    store.write(counts, output.counts, "external", record)
