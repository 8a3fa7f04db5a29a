"""Write SUN memorability's images as files, and its scores as the study reads them."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.data.published import sun
    from memorability.images.data_sets import DATA_SETS
    from memorability.sources.checksums import verify
    from memorability.sources.downloads import registry

    verify(registry()["sun_memorability"], Path(job.input.archive))
    with progress(DATA_SETS["sun"].images, "unpacking SUN memorability") as step:
        scores, differences = sun.unpack(
            Path(job.input.archive),
            Path(job.output.images),
            on_image=step,
        )
    job.write("scores", scores)
    job.write("differences", differences)
