"""Measure the distinctiveness of every latent."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.distinctiveness import distinctiveness_table
    from memorability.provenance import table_record

    ids, latents = tables.read_latents(snakemake.input.latents)
    table = distinctiveness_table(ids, latents)
    record = table_record(snakemake.params.study, {}, snakemake.params.code)
    tables.write(table, snakemake.output.distinctiveness, "distinctiveness", record)
