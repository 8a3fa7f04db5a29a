"""Correlate the errors after each epoch with memorability: the decay table and its seeds."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.decay import decay_curve
    from memorability.provenance import table_record

    settings = snakemake.params.settings
    decay = decay_curve(
        tables.read_runs(snakemake.input.errors, "errors"),
        tables.read(snakemake.input.images, "images"),
        target=settings["target"],
        draws=settings["bootstrap"],
        confidence=settings["confidence"],
        seed=settings["seed"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(decay.curve, snakemake.output.decay, "decay", record)
    tables.write(decay.seeds, snakemake.output.seeds, "decay_seeds", record)
    tables.write_tsv(decay.curve, snakemake.output.tsv)
