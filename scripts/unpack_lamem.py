"""Unpack LaMem's images, and write its scores and the five published splits as tables."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.data.published import lamem
    from memorability.images.data_sets import DATA_SETS
    from memorability.sources.checksums import verify
    from memorability.sources.downloads import registry

    verify(registry()["lamem"], Path(job.input.archive))
    with progress(DATA_SETS["lamem"].images, "unpacking LaMem") as step:
        scores, splits, differences = lamem.unpack(
            Path(job.input.archive),
            Path(job.output.images),
            on_file=step,
        )
    job.write("scores", scores)
    job.write("splits", splits, "official_splits")
    job.write("differences", differences)
