"""Draw distinctiveness over memorability bins."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.correlations import of_values
    from memorability.analysis.gathering import from_distinctiveness
    from memorability.report.figures import scores, style
    from memorability.report.table_1 import published_measure
    from memorability.tables import store

    values, rows = published_measure(
        from_distinctiveness(store.read_runs(snakemake.input.distinctiveness, "distinctiveness")),
        store.read(snakemake.input.correlations[0], "correlations"),
    )
    rows = of_values(values, rows)
    figure = scores.values_by_memorability(
        values,
        store.read(snakemake.input.images, "images"),
        rows,
        target=snakemake.params.target,
        bins=snakemake.params.bins,
        title=style.run_title(rows.assign(loss=snakemake.params.loss)),
        ylabel="distinctiveness",
        note=snakemake.params.note,
    )
    style.save(figure, snakemake.output.svg, snakemake.output.png)
