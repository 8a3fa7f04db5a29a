"""Draw the error of pre-trained models by epoch."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.figures import learning, style
    from memorability.tables import store

    histories = store.read_runs(snakemake.input.histories, "pretraining")
    figure = learning.pretraining_errors(histories, note=snakemake.params.note)
    style.save(figure, snakemake.output.svg, snakemake.output.png)
