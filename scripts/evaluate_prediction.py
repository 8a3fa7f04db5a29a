"""Measure the predictions of test images, with intervals, beside the label-only baselines."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.prediction.evaluation import evaluate
    from memorability.report.pages import write_page
    from memorability.report.prediction_wording import prediction_in_words
    from memorability.report.reading import metrics_for_reading
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    evaluation = evaluate(
        store.read(snakemake.input.predictions, "predictions"),
        store.read_heads(snakemake.input.heads),
        store.read_if_any(snakemake.input.left_out, "left_out"),
        store.read(snakemake.input.images, "images"),
        **settings,
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(evaluation.metrics, snakemake.output.metrics, "prediction_metrics", record)
    store.write_tsv(evaluation.metrics, snakemake.output.tsv)
    store.write(
        evaluation.by_category, snakemake.output.by_category, "prediction_by_category", record
    )
    store.write(evaluation.gains, snakemake.output.gains, "prediction_gains", record)
    store.write(
        evaluation.calibration, snakemake.output.calibration, "prediction_calibration", record
    )
    write_page(
        metrics_for_reading(evaluation.metrics),
        snakemake.output.page,
        title="Prediction of unseen images, beside what labels alone predict",
        note=f"{prediction_in_words(evaluation.metrics, evaluation.gains)} {snakemake.params.note}",
    )
