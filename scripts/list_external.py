"""List what was made elsewhere: a table, a TSV file and a page."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.pages import write_page
    from memorability.provenance import table_record
    from memorability.summaries import external_for_reading

    sources = tables.read_runs(snakemake.input.counts, "external")
    record = table_record(snakemake.params.study, {}, snakemake.params.code)
    tables.write(sources, snakemake.output.table, "external", record)
    tables.write_tsv(sources, snakemake.output.tsv)
    write_page(
        external_for_reading(sources),
        snakemake.output.page,
        title="Made elsewhere, and joined with the images of this study",
        note=snakemake.params.note,
    )
