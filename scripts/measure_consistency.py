"""Measure from single trials how well halves of the observers agree: a table and a TSV file."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.memory_game.consistency import measure_consistency
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    trials = store.read(snakemake.input.trials[0], "trials")
    table = measure_consistency(trials, seed=settings["seed"])
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(table, snakemake.output.consistency, "consistency", record)
    store.write_tsv(table, snakemake.output.tsv)
