"""Draw predicted against measured memorability, curves, gains, calibration and learning."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.figures import prediction
    from memorability.report.figures.style import save
    from memorability.tables import store

    predictions = store.read(snakemake.input.predictions, "predictions")
    metrics = store.read(snakemake.input.metrics, "prediction_metrics")
    heads = store.read_heads(snakemake.input.heads)
    note, out = snakemake.params.note, snakemake.output
    threshold = snakemake.params.threshold
    figure = prediction.prediction(predictions, heads, metrics, median_of=threshold, note=note)
    save(figure, out.svg, out.png)
    figure = prediction.calibration(
        predictions, store.read(snakemake.input.calibration, "prediction_calibration"), note=note
    )
    save(figure, out.calibration_svg, out.calibration_png)
    figure = prediction.by_category(
        metrics, store.read(snakemake.input.by_category, "prediction_by_category"), note=note
    )
    save(figure, out.category_svg, out.category_png)
    figure = prediction.learning(
        store.read(snakemake.input.history, "prediction_history"), note=note
    )
    save(figure, out.learning_svg, out.learning_png)
