"""Write how far each choice of a protocol moves the correlation: a table, a TSV file and a page."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.gathering import from_errors
    from memorability.analysis.protocol_effects import protocol_effects
    from memorability.report.pages import write_page
    from memorability.report.reading import effects_for_reading
    from memorability.statistics.intervals import Bootstrap
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    table = protocol_effects(
        from_errors(store.read_runs(snakemake.input.errors, "errors")),
        store.read(snakemake.input.images, "images"),
        snakemake.params.protocols,
        target=settings["target"],
        bootstrap=Bootstrap(**settings["bootstrap"]),
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(table, snakemake.output.effects, "protocol_effects", record)
    store.write_tsv(table, snakemake.output.tsv)
    write_page(
        effects_for_reading(table),
        snakemake.output.page,
        title="Protocols compared: what a choice moves",
        note=snakemake.params.note,
    )
