"""Draw features: Table 2, their other readings, how they go together, and what each adds."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures.comparisons import forest
    from memorability.report.figures.features import feature_map, importance, table_2_forest
    from memorability.report.figures.style import save

    given, output, note = job.input, job.output, job.params.note
    table = job.read("table", "table_2")
    save(table_2_forest(table, note=job.params.table_note), output.svg, output.png)
    variants = forest(
        job.read("variants", "correlations"),
        title="Other readings of the features, and memorability",
        note=note,
    )
    save(variants, output.variants_svg, output.variants_png)
    features = job.read_runs("features")
    save(feature_map(features, note=note), output.map_svg, output.map_png)
    added = importance(
        job.read("importance", "feature_importance"),
        job.read("metrics", "prediction_metrics"),
        note=note,
    )
    save(added, output.importance_svg, output.importance_png)
