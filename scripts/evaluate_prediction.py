"""Measure the predictions of test images, with intervals, beside category means."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.pages import write_page
    from memorability.prediction import metrics_on_test_images
    from memorability.provenance import table_record
    from memorability.summaries import metrics_for_reading

    settings = snakemake.params.settings
    metrics = metrics_on_test_images(
        tables.read(snakemake.input.predictions, "predictions"),
        draws=settings["bootstrap"],
        confidence=settings["confidence"],
        seed=settings["seed"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(metrics, snakemake.output.metrics, "prediction_metrics", record)
    tables.write_tsv(metrics, snakemake.output.tsv)
    write_page(
        metrics_for_reading(metrics),
        snakemake.output.page,
        title="Prediction of unseen images, beside the category means alone",
        note=snakemake.params.note,
    )
