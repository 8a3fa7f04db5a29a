"""Compare every predictor, head and label-only baseline on the same test images."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.prediction.comparison import ComparisonSettings, compare
    from memorability.report.sentences.predictors import write_comparison
    from memorability.tables import store

    settings = job.read_settings(ComparisonSettings)
    targets = [store.partition_keys(path)["target"] for path in job.input.of_targets]
    of_targets = {
        target: store.read_heads(
            path for path, of in zip(job.input.of_targets, targets, strict=True) if of == target
        )
        for target in settings.targets
    }
    comparison = compare(
        job.read("predictions"),
        store.read_heads(job.input.heads),
        of_targets,
        job.read("images"),
        settings=settings,
    )
    job.write("comparison", comparison.table, "predictor_comparison")
    job.write("by_category", comparison.by_category, "predictor_comparison_by_category")
    tested = job.read_if_any("test_sets")
    write_comparison(comparison.table, tested, job.output.page, note=job.params.note)
