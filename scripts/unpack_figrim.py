"""Unpack FIGRIM's scenes, and write its scores as the study reads them."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.data.published import figrim
    from memorability.images.data_sets import DATA_SETS
    from memorability.sources.checksums import verify
    from memorability.sources.downloads import registry

    verify(registry()["figrim_images"], Path(job.input.archive))
    verify(registry()["figrim_responses"], Path(job.input.responses))
    with progress(DATA_SETS["figrim"].images, "unpacking FIGRIM") as step:
        scores, differences = figrim.unpack(
            Path(job.input.archive),
            Path(job.input.responses),
            Path(job.output.images),
            on_image=step,
        )
    job.write("scores", scores)
    job.write("differences", differences)
