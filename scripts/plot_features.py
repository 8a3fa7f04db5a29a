"""Draw features: Table 2, their other readings, how they go together, and what each adds."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.figures.comparisons import forest
    from memorability.report.figures.features import feature_map, importance, table_2_forest
    from memorability.report.figures.style import save
    from memorability.tables import store

    given, output, note = snakemake.input, snakemake.output, snakemake.params.note
    table = store.read(given.table, "table_2")
    save(table_2_forest(table, note=snakemake.params.table_note), output.svg, output.png)
    variants = forest(
        store.read(given.variants[0], "correlations"),
        title="Other readings of the features, and memorability",
        note=note,
    )
    save(variants, output.variants_svg, output.variants_png)
    features = store.read_runs(given.features, "features")
    save(feature_map(features, note=note), output.map_svg, output.map_png)
    added = importance(
        store.read(given.importance, "feature_importance"),
        store.read(given.metrics, "prediction_metrics"),
        note=note,
    )
    save(added, output.importance_svg, output.importance_png)
