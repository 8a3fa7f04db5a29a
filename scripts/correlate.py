"""Correlate one quantity of every image with memorability."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import correlations
    from memorability.analysis.gathering import SOURCES
    from memorability.statistics.intervals import Bootstrap

    settings = job.settings
    source, gather = SOURCES[job.wildcards.quantity]
    table = correlations(
        gather(job.read_runs("values", source)),
        job.read("images"),
        job.read_runs("outcomes"),
        job.read_if_any("ceiling"),
        job.read("baselines"),
        target=settings["target"],
        bootstrap=Bootstrap(**settings["bootstrap"]),
    )
    job.write("correlations", table)
