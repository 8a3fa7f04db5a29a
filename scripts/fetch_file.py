"""Fetch one file of the registry."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.sources.downloads import registered
    from memorability.sources.fetching import fetch

    fetch(registered(snakemake.wildcards.file))
