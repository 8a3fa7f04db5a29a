"""Measure the predictions of test images, with intervals, beside the label-only baselines."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.prediction.evaluation import EvaluationSettings, evaluate
    from memorability.report.pages import write_page
    from memorability.report.reading import classes_for_reading, metrics_for_reading
    from memorability.report.wording import predictor_in_words
    from memorability.tables import store

    settings = job.read_settings(EvaluationSettings)
    evaluation = evaluate(
        job.read("predictions"),
        store.read_heads(job.input.heads),
        job.read_if_any("left_out"),
        job.read("images"),
        median_of=settings.median_of,
        bootstrap=settings.bootstrap,
    )
    words = predictor_in_words(evaluation.metrics, evaluation.gains, evaluation.calibration)
    job.write("metrics", evaluation.metrics, "prediction_metrics")
    job.write("by_category", evaluation.by_category, "prediction_by_category")
    job.write("gains", evaluation.gains, "prediction_gains")
    job.write("calibration", evaluation.calibration, "prediction_calibration")
    write_page(
        metrics_for_reading(evaluation.metrics),
        job.output.page,
        title="Prediction of unseen images",
        note=job.params.note,
        lead=words,
        more={"Memorable images told from others": classes_for_reading(evaluation.metrics)},
    )
