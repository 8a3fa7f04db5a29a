"""Choose learning rates by the published and by honest rules: three tables, a TSV file and a page."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.pages import write_page
    from memorability.provenance import table_record
    from memorability.quantities import from_errors
    from memorability.selection import select_learning_rates
    from memorability.summaries import selection_for_reading

    settings = snakemake.params.settings
    found = select_learning_rates(
        from_errors(tables.read_runs(snakemake.input.errors, "errors")),
        tables.read(snakemake.input.images, "images"),
        target=settings["target"],
        seed=settings["seed"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(found.selection, snakemake.output.selection, "selection", record)
    tables.write(found.choices, snakemake.output.choices, "selection_choices", record)
    tables.write(found.seeds, snakemake.output.seeds, "selection_seeds", record)
    tables.write_tsv(found.selection, snakemake.output.tsv)
    write_page(
        selection_for_reading(found.selection),
        snakemake.output.page,
        title="How much of each correlation comes from choosing the learning rate",
        note=snakemake.params.note,
    )
