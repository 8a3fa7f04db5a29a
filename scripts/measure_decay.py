"""Correlate the errors after each epoch with memorability: the decay table and its seeds."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.decay import decay_curve
    from memorability.statistics.intervals import Bootstrap

    settings = job.settings
    decay = decay_curve(
        job.read_runs("errors"),
        job.read("images"),
        target=settings["target"],
        bootstrap=Bootstrap(**settings["bootstrap"]),
    )
    job.write("decay", decay.curve)
    job.write("seeds", decay.seeds, "decay_seeds")
