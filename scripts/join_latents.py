"""Join latents made elsewhere with the images: latents as of a run, and what was left out."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability import tables
    from memorability.external import join_latents
    from memorability.provenance import table_record

    source, output = snakemake.params.source, snakemake.output
    ids, latents, counts = join_latents(
        Path(snakemake.input.table),
        source,
        tables.read(snakemake.input.images, "images"),
        name=snakemake.wildcards.loss,
    )
    record = table_record(snakemake.params.study, source, snakemake.params.code)
    tables.write_latents(ids, latents, output.latents, record)
    tables.write(counts, output.counts, "external", record)
