"""Measure what networks find in the images of one shard: objects, classes, and foreground."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.features.detectors import ObjectSettings, measure_shard
    from memorability.images.store import open_store
    from memorability.networks.computing import deterministic_device

    settings = job.read_settings(ObjectSettings)
    table = measure_shard(
        open_store(job.input.pixels),
        job.read("images", "prepared")["image_id"],
        settings,
        shard=int(job.wildcards.shard),
        device=deterministic_device(settings.compute),
    )
    job.write("features", table)
