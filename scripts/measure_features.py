"""Measure the features of every image."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.base.job_log import progress
    from memorability.features.measuring import image_features
    from memorability.images.store import open_store
    from memorability.tables import store
    from memorability.workflow.records import table_record

    ids = store.read(snakemake.input.images, "prepared")["image_id"]
    pixels = open_store(snakemake.input.pixels).transpose(0, 2, 3, 1)
    with progress(len(ids), "measuring features") as step:
        features = image_features(pixels, threads=snakemake.threads, on_image=step)
    table = features.assign(image_id=ids).melt("image_id", var_name="feature")
    record = table_record(snakemake.params.study, {}, snakemake.params.code)
    store.write(table, snakemake.output.features, "features", record)
