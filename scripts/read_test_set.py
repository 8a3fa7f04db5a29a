"""Make the image table of a further data set, on which predictors are tested."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.scorer.further_sets import FurtherImages, further_images

    images = further_images(
        Path(job.input.scores), Path(job.input.folder), job.read_settings(FurtherImages)
    )
    job.write("images", images)
