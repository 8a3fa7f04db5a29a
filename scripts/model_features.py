"""Predict memorability from all features together: metrics, gains and importance of each feature."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.feature_model import importance_for_reading, model_features
    from memorability.pages import write_page
    from memorability.provenance import table_record
    from memorability.splits import with_split

    settings, output = snakemake.params.settings, snakemake.output
    found = model_features(
        tables.read_runs(snakemake.input.features, "features"),
        with_split(
            tables.read(snakemake.input.images, "images"),
            tables.read(snakemake.input.split, "split"),
        ),
        draws=settings["bootstrap"],
        confidence=settings["confidence"],
        seed=settings["seed"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(found.metrics, output.metrics, "prediction_metrics", record)
    tables.write(found.gains, output.gains, "prediction_gains", record)
    tables.write(found.importance, output.importance, "feature_importance", record)
    tables.write_tsv(found.importance, output.tsv)
    write_page(
        importance_for_reading(found.importance),
        output.page,
        title="What each feature adds to labels and all other features",
        lead=found.summary,
        note=snakemake.params.note,
    )
