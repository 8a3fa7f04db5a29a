"""Fetch one file of the registry."""

from memorability.base.job_log import job_log

with job_log(snakemake.log[0]):
    from memorability.sources.downloads import registered
    from memorability.sources.fetching import fetch

    fetch(registered(snakemake.wildcards.file))
