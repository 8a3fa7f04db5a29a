"""Unpack the photographs of THINGS, and write their scores as the study reads them."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.data.published import things
    from memorability.images.data_sets import DATA_SETS
    from memorability.sources.checksums import verify
    from memorability.sources.downloads import registry

    verify(registry()["things_images"], Path(job.input.archive))
    verify(registry()["things_scores"], Path(job.input.table))
    with progress(DATA_SETS["things"].images, "unpacking THINGS") as step:
        scores, differences = things.unpack(
            Path(job.input.archive),
            Path(job.input.table),
            Path(job.output.images),
            on_image=step,
        )
    job.write("scores", scores)
    job.write("differences", differences)
