"""Fetch one file of the registry."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.downloads import by_path, fetch

    fetch(by_path(snakemake.output[0]))
