"""Prepare the images of pre-training: the store of pixels and the rejected images."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability import tables
    from memorability.image_files import find_images
    from memorability.images import Decoding, prepare_folder
    from memorability.job import progress
    from memorability.provenance import table_record

    images, settings = Path(snakemake.input.images), snakemake.params.settings
    files = find_images(images)
    with progress(len(files), "preparing images") as step:
        rejected = prepare_folder(
            images,
            files,
            Path(snakemake.output.pixels),
            resize=settings["resize"],
            decoding=Decoding(**settings["decoding"]),
            threads=snakemake.threads,
            on_image=step,
        )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(rejected, snakemake.output.rejected, "rejected", record)
