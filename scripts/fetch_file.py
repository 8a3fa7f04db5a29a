"""Fetch one file of the registry."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.downloads import registered
    from memorability.fetching import fetch

    fetch(registered(snakemake.wildcards.file))
