"""Make the image table of a study that has scores and no images."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.data.own_tables import image_table

    images = image_table(Path(job.input.scores), **job.settings)
    job.write("images", images)
