"""Measure the features of every image."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.features.measuring import measure_features
    from memorability.images.store import open_store

    ids = job.read("images", "prepared")["image_id"]
    job.write("features", measure_features(open_store(job.input.pixels), ids, job.threads))
