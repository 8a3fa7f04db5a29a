"""Draw distinctiveness over memorability bins."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables
    from memorability.quantities import from_distinctiveness, of_values
    from memorability.summaries import published_measure

    values, rows = published_measure(
        from_distinctiveness(tables.read_runs(snakemake.input.distinctiveness, "distinctiveness")),
        tables.read(snakemake.input.correlations[0], "correlations"),
    )
    rows = of_values(values, rows)
    figure = figures.values_by_memorability(
        values,
        tables.read(snakemake.input.images, "images"),
        rows,
        target=snakemake.params.target,
        bins=snakemake.params.bins,
        title=figures.run_title(rows.assign(loss=snakemake.params.loss)),
        ylabel="distinctiveness",
        note=snakemake.params.note,
    )
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
