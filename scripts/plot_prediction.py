"""Draw predicted against measured memorability, curves, gains, calibration and learning."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import prediction_figures, tables
    from memorability.figures import save

    predictions = tables.read(snakemake.input.predictions, "predictions")
    metrics = tables.read(snakemake.input.metrics, "prediction_metrics")
    heads = tables.read_heads(snakemake.input.heads)
    note, out = snakemake.params.note, snakemake.output
    threshold = snakemake.params.threshold
    figure = prediction_figures.prediction(
        predictions, heads, metrics, median_of=threshold, note=note
    )
    save(figure, out.svg, out.png)
    figure = prediction_figures.calibration(
        predictions, tables.read(snakemake.input.calibration, "prediction_calibration"), note=note
    )
    save(figure, out.calibration_svg, out.calibration_png)
    figure = prediction_figures.by_category(
        metrics, tables.read(snakemake.input.by_category, "prediction_by_category"), note=note
    )
    save(figure, out.category_svg, out.category_png)
    figure = prediction_figures.learning(
        tables.read(snakemake.input.history, "prediction_history"), note=note
    )
    save(figure, out.learning_svg, out.learning_png)
