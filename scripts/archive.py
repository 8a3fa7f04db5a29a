"""Pack tables, figures, records and configuration of a study into one file."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.workflow.archiving import pack

    results = Path(job.output.archive).parent
    pack(results, Path(job.output.archive), job.params.configuration)
