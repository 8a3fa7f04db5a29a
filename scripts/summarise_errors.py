"""Write the study's Table 1 for reading: a TSV file and a page."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.pages import write_page
    from memorability.report.reading import table_1_for_reading
    from memorability.report.table_1 import table_1
    from memorability.tables import store

    correlations = store.read(snakemake.input.correlations[0], "correlations")
    table = table_1(correlations, snakemake.params.seeds_vary)
    store.write_tsv(table, snakemake.output.tsv)
    write_page(
        table_1_for_reading(table),
        snakemake.output.page,
        title="Table 1: reconstruction error and memorability, by training loss",
        note=snakemake.params.note,
    )
