"""Compare every predictor, head and label-only baseline on the same test images."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.prediction.comparison import ComparisonSettings, compare
    from memorability.report.sentences.predictors import write_comparison
    from memorability.tables import store

    comparison = compare(
        job.read("predictions"),
        store.read_heads(job.input.heads),
        job.read_runs("of_targets", "head_predictions"),
        job.read("images"),
        settings=job.read_settings(ComparisonSettings),
    )
    job.write("comparison", comparison.table, "predictor_comparison")
    job.write("by_category", comparison.by_category, "predictor_comparison_by_category")
    write_comparison(comparison.table, job.output.page, note=job.params.note)
