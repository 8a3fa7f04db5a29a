"""Estimate the noise ceiling of the scores from counts: a table, a TSV file and a page."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.memory_game.ceiling import noise_ceiling
    from memorability.report.pages import write_page
    from memorability.report.reading import ceiling_for_reading
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    ceiling = noise_ceiling(store.read(snakemake.input.images, "images"), seed=settings["seed"])
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(ceiling, snakemake.output.ceiling, "ceiling", record)
    store.write_tsv(ceiling, snakemake.output.tsv)
    write_page(
        ceiling_for_reading(ceiling),
        snakemake.output.page,
        title="How high a correlation with these scores could be",
        note=snakemake.params.note,
    )
