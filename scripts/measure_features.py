"""Measure the features of every image."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.features import image_features
    from memorability.images import open_store
    from memorability.job import progress
    from memorability.provenance import table_record

    ids = tables.read(snakemake.input.images, "prepared")["image_id"]
    pixels = open_store(snakemake.input.pixels).transpose(0, 2, 3, 1)
    with progress(len(ids), "measuring features") as step:
        features = image_features(pixels, threads=snakemake.threads, on_image=step)
    table = features.assign(image_id=ids).melt("image_id", var_name="feature")
    record = table_record(snakemake.params.study, {}, snakemake.params.code)
    tables.write(table, snakemake.output.features, "features", record)
