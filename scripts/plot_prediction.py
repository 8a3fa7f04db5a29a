"""Draw predicted against measured memorability, curves, gains, calibration and learning."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import prediction
    from memorability.report.figures.style import save
    from memorability.tables import store

    predictions = job.read("predictions")
    metrics = job.read("metrics", "prediction_metrics")
    heads = store.read_heads(job.input.heads)
    note, out = job.params.note, job.output
    threshold = job.params.threshold
    figure = prediction.prediction(predictions, heads, metrics, median_of=threshold, note=note)
    save(figure, out.svg, out.png)
    figure = prediction.calibration(
        predictions, job.read("calibration", "prediction_calibration"), note=note
    )
    save(figure, out.calibration_svg, out.calibration_png)
    figure = prediction.by_category(
        metrics, job.read("by_category", "prediction_by_category"), note=note
    )
    save(figure, out.category_svg, out.category_png)
    figure = prediction.learning(job.read("history", "prediction_history"), note=note)
    save(figure, out.learning_svg, out.learning_png)
