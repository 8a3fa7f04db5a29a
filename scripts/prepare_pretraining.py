"""Prepare the images of pre-training: the store of pixels and the rejected images."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.images.folder import find_images
    from memorability.images.store import FolderPreparation, prepare_folder

    images, settings = Path(job.input.images), job.read_settings(FolderPreparation)
    files = find_images(images)
    with progress(len(files), "preparing images") as step:
        rejected = prepare_folder(
            images,
            files,
            Path(job.output.pixels),
            settings,
            threads=job.threads,
            on_image=step,
        )
    job.write("rejected", rejected)
