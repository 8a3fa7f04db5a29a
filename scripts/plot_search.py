"""Draw the history of the search for the predictor's hyper-parameters."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.figures import prediction
    from memorability.report.figures.style import save
    from memorability.tables import store

    figure = prediction.search(
        store.read(snakemake.input.search, "prediction_search"), note=snakemake.params.note
    )
    save(figure, snakemake.output.svg, snakemake.output.png)
