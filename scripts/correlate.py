"""Correlate one quantity of every image with memorability."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import CorrelationSettings, correlations
    from memorability.analysis.gathering import SOURCES

    settings = job.read_settings(CorrelationSettings)
    source, gather = SOURCES[job.wildcards.quantity]
    table = correlations(
        gather(job.read_runs("values", source)),
        job.read("images"),
        job.read_runs("outcomes"),
        job.read_if_any("ceiling"),
        job.read("baselines"),
        target=settings.target,
        bootstrap=settings.bootstrap,
    )
    job.write("correlations", table)
