"""Draw the error of pre-trained models by epoch."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables

    histories = tables.read_runs(snakemake.input.histories, "pretraining")
    figure = figures.pretraining_errors(histories, note=snakemake.params.note)
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
