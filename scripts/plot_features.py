"""Draw features: Table 2, their other readings, how they go together, and what each adds."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.feature_figures import feature_map, importance, table_2_forest
    from memorability.figures import forest, save

    given, output, note = snakemake.input, snakemake.output, snakemake.params.note
    table = tables.read(given.table, "table_2")
    save(table_2_forest(table, note=snakemake.params.table_note), output.svg, output.png)
    variants = forest(
        tables.read(given.variants[0], "correlations"),
        title="Other readings of the features, and memorability",
        note=note,
    )
    save(variants, output.variants_svg, output.variants_png)
    features = tables.read_runs(given.features, "features")
    save(feature_map(features, note=note), output.map_svg, output.map_png)
    added = importance(
        tables.read(given.importance, "feature_importance"),
        tables.read(given.metrics, "prediction_metrics"),
        note=note,
    )
    save(added, output.importance_svg, output.importance_png)
