"""Measure the predictions of test images, with intervals, beside the label-only baselines."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.pages import write_page
    from memorability.predictions.evaluation import evaluate
    from memorability.provenance import table_record
    from memorability.summaries import metrics_for_reading

    settings = snakemake.params.settings
    evaluation = evaluate(
        tables.read(snakemake.input.predictions, "predictions"),
        tables.read_heads(snakemake.input.heads),
        tables.read_if_any(snakemake.input.left_out, "left_out"),
        tables.read(snakemake.input.images, "images"),
        **settings,
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(evaluation.metrics, snakemake.output.metrics, "prediction_metrics", record)
    tables.write_tsv(evaluation.metrics, snakemake.output.tsv)
    tables.write(
        evaluation.by_category, snakemake.output.by_category, "prediction_by_category", record
    )
    tables.write(evaluation.gains, snakemake.output.gains, "prediction_gains", record)
    tables.write(
        evaluation.calibration, snakemake.output.calibration, "prediction_calibration", record
    )
    write_page(
        metrics_for_reading(evaluation.metrics),
        snakemake.output.page,
        title="Prediction of unseen images, beside what labels alone predict",
        note=f"{evaluation.summary} {snakemake.params.note}",
    )
