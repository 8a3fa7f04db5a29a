"""Unpack MemCat's images, check its score table, and write both as the study reads them."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.data.published import memcat
    from memorability.images.data_sets import DATA_SETS
    from memorability.sources.checksums import verify
    from memorability.sources.downloads import registry

    verify(registry()["memcat_images"], Path(job.input.archive))
    verify(registry()["memcat_scores"], Path(job.input.table))
    with progress(DATA_SETS["memcat"].images, "unpacking MemCat") as step:
        scores, differences = memcat.unpack(
            Path(job.input.archive),
            Path(job.input.table),
            Path(job.output.images),
            on_image=step,
        )
    job.write("scores", scores)
    job.write("differences", differences)
