"""Pack tables, figures, records and configuration of a study into one file."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.workflow.archiving import pack

    results = Path(snakemake.output.archive).parent
    pack(results, Path(snakemake.output.archive), snakemake.params.configuration)
