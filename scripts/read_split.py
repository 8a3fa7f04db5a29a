"""Read the user's own split: the part of every image."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.data.own_tables import read_split

    split = read_split(
        Path(job.input.table),
        job.settings,
        job.read("images"),
        job.read("rejected"),
    )
    job.write("split", split, "official_splits")
