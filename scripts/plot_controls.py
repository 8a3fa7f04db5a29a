"""Draw the correlations of fine-tuned models beside those of controls."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import beside_models
    from memorability.report.figures import comparisons, style

    models, controls = job.read_each("correlations")
    figure = comparisons.forest(
        beside_models(models, controls, job.params.protocol),
        title="Fine-tuned autoencoders beside controls",
        confidence=job.params.confidence,
        note=job.params.note,
    )
    style.save(figure, job.output.svg, job.output.png)
