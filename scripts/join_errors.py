"""Join errors made elsewhere with the images: a table as of a run, and what was left out."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.data.external import join_errors
    from memorability.tables import store
    from memorability.workflow.records import table_record

    source, output = snakemake.params.source, snakemake.output
    errors, counts = join_errors(
        Path(snakemake.input.table),
        source,
        store.read(snakemake.input.images, "images"),
        name=snakemake.wildcards.loss,
    )
    record = table_record(snakemake.params.study, source, snakemake.params.code)
    store.write(errors, output.errors, "errors", record)
    store.write(counts, output.counts, "external", record)
