"""Prepare the images of pre-training: the store of pixels and the rejected images."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability import tables
    from memorability.images import find_images, prepare_folder
    from memorability.job import progress
    from memorability.provenance import table_record

    images, resize = Path(snakemake.input.images), snakemake.params.resize
    with progress(len(find_images(images)), "preparing images") as step:
        rejected = prepare_folder(
            images,
            Path(snakemake.output.pixels),
            resize=resize,
            threads=snakemake.threads,
            on_image=step,
        )
    record = table_record(snakemake.params.study, {"resize": resize}, snakemake.params.code)
    tables.write(rejected, snakemake.output.rejected, "rejected", record)
