"""Correlate the errors after each epoch with memorability: the decay table and its seeds."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import CorrelationSettings
    from memorability.analysis.decay import decay_curve

    settings = job.read_settings(CorrelationSettings)
    decay = decay_curve(
        job.read_runs("errors"),
        job.read("images"),
        target=settings.target,
        bootstrap=settings.bootstrap,
    )
    job.write("decay", decay.curve)
    job.write("seeds", decay.seeds, "decay_seeds")
