"""Correlate the errors after each epoch with memorability: the decay table and its seeds."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.decay import decay_curve
    from memorability.statistics.intervals import Bootstrap
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    decay = decay_curve(
        store.read_runs(snakemake.input.errors, "errors"),
        store.read(snakemake.input.images, "images"),
        target=settings["target"],
        bootstrap=Bootstrap(**settings["bootstrap"]),
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(decay.curve, snakemake.output.decay, "decay", record)
    store.write(decay.seeds, snakemake.output.seeds, "decay_seeds", record)
    store.write_tsv(decay.curve, snakemake.output.tsv)
