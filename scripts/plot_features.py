"""Draw features: Table 2, their other readings, how they go together, and how much each is used."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import features
    from memorability.report.figures.style import save

    params, output = job.params, job.output
    shared = {"confidence": params.confidence, "note": params.note}
    table = features.table_2_forest(
        job.read("table", "table_2"),
        compared=params.compared,
        confidence=params.confidence,
        note=params.table_note,
    )
    save(table, output.svg, output.png)
    readings = features.readings(*job.read_each("readings", "correlations"), **shared)
    save(readings, output.variants_svg, output.variants_png)
    related = features.feature_map(job.read_runs("features"), note=params.note)
    save(related, output.map_svg, output.map_png)
    added = features.importance(
        job.read("importance", "feature_importance"),
        job.read("metrics", "prediction_metrics"),
        **shared,
    )
    save(added, output.importance_svg, output.importance_png)
