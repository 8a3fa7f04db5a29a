"""Predict memorability from all features together: metrics, gains, and how much each is used."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.feature_model import model_features
    from memorability.data.splits import with_split
    from memorability.report.pages import write_page
    from memorability.report.reading import importance_for_reading
    from memorability.report.wording import features_in_words
    from memorability.statistics.intervals import Bootstrap

    settings = job.settings
    found = model_features(
        job.read_runs("features"),
        with_split(job.read("images"), job.read("split")),
        Bootstrap(**settings),
    )
    job.write("metrics", found.metrics, "prediction_metrics")
    job.write("gains", found.gains, "prediction_gains")
    job.write("importance", found.importance, "feature_importance")
    write_page(
        importance_for_reading(found.importance),
        job.output.page,
        title="How much a model uses each feature",
        lead=features_in_words(found.metrics, found.gains, found.importance),
        note=job.params.note,
        empty="No table: every importance is 0 because the model uses no feature.",
    )
