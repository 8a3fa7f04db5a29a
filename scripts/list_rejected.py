"""List the rejected images for reading: a TSV file and a page."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.pages import write_page
    from memorability.tables import store

    rejected = store.read(snakemake.input[0], "rejected")
    store.write_tsv(rejected, snakemake.output.tsv)
    write_page(
        rejected,
        snakemake.output.page,
        title="Images left out of the study",
        note=snakemake.params.note,
        empty="Every image of the score table was found and could be used.",
    )
