"""Predict memorability from all features together: metrics, gains and importance of each feature."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.feature_model import model_features
    from memorability.data.splits import with_split
    from memorability.report.pages import write_page
    from memorability.report.prediction_wording import features_in_words
    from memorability.report.reading import importance_for_reading
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings, output = snakemake.params.settings, snakemake.output
    found = model_features(
        store.read_runs(snakemake.input.features, "features"),
        with_split(
            store.read(snakemake.input.images, "images"),
            store.read(snakemake.input.split, "split"),
        ),
        draws=settings["bootstrap"],
        confidence=settings["confidence"],
        seed=settings["seed"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(found.metrics, output.metrics, "prediction_metrics", record)
    store.write(found.gains, output.gains, "prediction_gains", record)
    store.write(found.importance, output.importance, "feature_importance", record)
    store.write_tsv(found.importance, output.tsv)
    write_page(
        importance_for_reading(found.importance),
        output.page,
        title="What each feature adds to labels and all other features",
        lead=features_in_words(found.metrics, found.gains, found.importance),
        note=snakemake.params.note,
    )
