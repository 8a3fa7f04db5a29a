"""Compare every predictor, head and label-only baseline on the same test images."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.prediction.comparison import ComparisonSettings, compare
    from memorability.report.sentences.predictors import write_comparison
    from memorability.tables import store

    settings = job.read_settings(ComparisonSettings)
    heads, fits = job.input.heads, job.input.of_targets
    fits_to = {
        target: [path for path in fits if store.partition_keys(path)["target"] == target]
        for target in settings.targets[1:]
    }
    comparison = compare(
        job.read("predictions"),
        store.read_heads(heads),
        {target: store.read_heads(paths) for target, paths in fits_to.items()},
        job.read("images"),
        failures={
            target: store.failed_heads(paths)
            for target, paths in ({settings.targets[0]: heads} | fits_to).items()
        },
        settings=settings,
    )
    job.write("comparison", comparison.table, "predictor_comparison")
    job.write("by_category", comparison.by_category, "predictor_comparison_by_category")
    tested = job.read_if_any("test_sets")
    write_comparison(comparison.table, tested, job.output.page, note=job.params.note)
