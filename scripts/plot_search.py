"""Draw the history of the search for the predictor's hyper-parameters."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import prediction_figures, tables
    from memorability.figures import save

    figure = prediction_figures.search(
        tables.read(snakemake.input.search, "prediction_search"), note=snakemake.params.note
    )
    save(figure, snakemake.output.svg, snakemake.output.png)
