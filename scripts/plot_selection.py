"""Draw the correlation of each learning rate of each loss, with the published and honest choices."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.correlations import own_runs
    from memorability.report.figures import learning, style
    from memorability.tables import store

    figure = learning.learning_rate_selection(
        own_runs(store.read(snakemake.input.correlations[0], "correlations")),
        store.read(snakemake.input.seeds, "selection_seeds"),
        store.read(snakemake.input.selection, "selection"),
        store.read(snakemake.input.choices, "selection_choices"),
        note=snakemake.params.note,
    )
    style.save(figure, snakemake.output.svg, snakemake.output.png)
