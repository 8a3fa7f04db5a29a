"""Draw predicted against measured memorability, curves, gains, calibration and learning."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import prediction
    from memorability.report.figures.style import save
    from memorability.statistics.intervals import Bootstrap
    from memorability.tables import store

    predictions = job.read("predictions")
    metrics = job.read("metrics", "prediction_metrics")
    heads = store.read_heads(job.input.heads)
    bootstrap, out = job.read_settings(Bootstrap), job.output
    shared = {"score": job.params.score, "note": job.params.note}
    figure = prediction.prediction(
        predictions, heads, metrics, median_of=job.params.threshold, **shared
    )
    save(figure, out.svg, out.png)
    calibration = job.read("calibration", "prediction_calibration")
    figure = prediction.calibration(predictions, calibration, bootstrap, **shared)
    save(figure, out.calibration_svg, out.calibration_png)
    by_category = job.read("by_category", "prediction_by_category")
    confidence, note = bootstrap.confidence, job.params.note
    figure = prediction.by_category(metrics, by_category, confidence=confidence, note=note)
    save(figure, out.category_svg, out.category_png)
    figure = prediction.learning(job.read("history", "prediction_history"), note=note)
    save(figure, out.learning_svg, out.learning_png)
