"""Estimate the noise ceiling of the scores from counts: a table, a TSV file and a page."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.memory_game.ceiling import noise_ceiling
    from memorability.pages import write_page
    from memorability.provenance import table_record
    from memorability.summaries import ceiling_for_reading

    settings = snakemake.params.settings
    ceiling = noise_ceiling(tables.read(snakemake.input.images, "images"), seed=settings["seed"])
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(ceiling, snakemake.output.ceiling, "ceiling", record)
    tables.write_tsv(ceiling, snakemake.output.tsv)
    write_page(
        ceiling_for_reading(ceiling),
        snakemake.output.page,
        title="How high a correlation with these scores could be",
        note=snakemake.params.note,
    )
