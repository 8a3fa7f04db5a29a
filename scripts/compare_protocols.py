"""Write how far each choice of a protocol moves the correlation: a table, a TSV file and a page."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.pages import write_page
    from memorability.protocol_effects import protocol_effects
    from memorability.provenance import table_record
    from memorability.quantities import from_errors
    from memorability.summaries import effects_for_reading

    settings = snakemake.params.settings
    table = protocol_effects(
        from_errors(tables.read_runs(snakemake.input.errors, "errors")),
        tables.read(snakemake.input.images, "images"),
        snakemake.params.protocols,
        target=settings["target"],
        draws=settings["bootstrap"],
        confidence=settings["confidence"],
        seed=settings["seed"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(table, snakemake.output.effects, "protocol_effects", record)
    tables.write_tsv(table, snakemake.output.tsv)
    write_page(
        effects_for_reading(table),
        snakemake.output.page,
        title="Protocols compared: what a choice moves",
        note=snakemake.params.note,
    )
