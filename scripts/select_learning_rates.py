"""Choose learning rates by the published and by honest rules: three tables, a TSV file and a page."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.gathering import from_errors
    from memorability.analysis.selection import select_learning_rates
    from memorability.report.pages import write_page
    from memorability.report.reading import selection_for_reading
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    found = select_learning_rates(
        from_errors(store.read_runs(snakemake.input.errors, "errors")),
        store.read(snakemake.input.images, "images"),
        target=settings["target"],
        seed=settings["seed"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(found.selection, snakemake.output.selection, "selection", record)
    store.write(found.choices, snakemake.output.choices, "selection_choices", record)
    store.write(found.seeds, snakemake.output.seeds, "selection_seeds", record)
    store.write_tsv(found.selection, snakemake.output.tsv)
    write_page(
        selection_for_reading(found.selection),
        snakemake.output.page,
        title="How much of each correlation comes from choosing the learning rate",
        note=snakemake.params.note,
    )
