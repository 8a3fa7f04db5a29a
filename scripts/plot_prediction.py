"""Draw predicted against measured memorability and the ROC curve."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables

    figure = figures.prediction(
        tables.read(snakemake.input.predictions, "predictions"),
        tables.read(snakemake.input.metrics, "prediction_metrics"),
        note=snakemake.params.note,
    )
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
