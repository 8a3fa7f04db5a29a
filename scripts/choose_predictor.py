"""Choose the hyper-parameters of lowest validation loss among all trials."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.pages import write_page
    from memorability.predictions.search import best
    from memorability.provenance import table_record
    from memorability.summaries import trials_for_reading

    settings = snakemake.params.settings
    parts = [tables.read(path, "prediction_search") for path in snakemake.input.trials]
    trials = best(parts)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(trials, snakemake.output.search, "prediction_search", record)
    tables.write_tsv(trials, snakemake.output.tsv)
    write_page(
        trials_for_reading(trials),
        snakemake.output.page,
        title="Hyper-parameters of the predictor, by validation loss",
        note=snakemake.params.note,
    )
