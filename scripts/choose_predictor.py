"""Choose the hyper-parameters of lowest validation loss among all trials."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.prediction.search import best
    from memorability.report.pages import write_page
    from memorability.report.reading import trials_for_reading
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    parts = [store.read(path, "prediction_search") for path in snakemake.input.trials]
    trials = best(parts)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(trials, snakemake.output.search, "prediction_search", record)
    store.write_tsv(trials, snakemake.output.tsv)
    write_page(
        trials_for_reading(trials),
        snakemake.output.page,
        title="Hyper-parameters of the predictor, by validation loss",
        note=snakemake.params.note,
    )
