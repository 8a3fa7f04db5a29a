"""Write the study's Table 1 for reading: a TSV file and a page."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.pages import write_page
    from memorability.summaries import table_1, table_1_for_reading

    correlations = tables.read(snakemake.input.correlations[0], "correlations")
    table = table_1(correlations, snakemake.params.seeds_vary)
    tables.write_tsv(table, snakemake.output.tsv)
    write_page(
        table_1_for_reading(table),
        snakemake.output.page,
        title="Table 1: reconstruction error and memorability, by training loss",
        note=snakemake.params.note,
    )
