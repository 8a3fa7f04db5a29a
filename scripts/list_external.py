"""List what was made elsewhere: a table, a TSV file and a page."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.pages import write_page
    from memorability.report.reading import external_for_reading
    from memorability.tables import store
    from memorability.workflow.records import table_record

    sources = store.read_runs(snakemake.input.counts, "external")
    record = table_record(snakemake.params.study, {}, snakemake.params.code)
    store.write(sources, snakemake.output.table, "external", record)
    store.write_tsv(sources, snakemake.output.tsv)
    write_page(
        external_for_reading(sources),
        snakemake.output.page,
        title="Made elsewhere, and joined with the images of this study",
        note=snakemake.params.note,
    )
