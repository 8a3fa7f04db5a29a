"""Prepare the images of pre-training: the store of pixels and the rejected images."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability import tables
    from memorability.files import atomic
    from memorability.images import Decoding, find_images, prepare_folder
    from memorability.job import progress
    from memorability.provenance import table_record

    images, settings = Path(snakemake.input.images), snakemake.params.settings
    with (
        progress(len(find_images(images)), "preparing images") as step,
        atomic(snakemake.output.pixels) as store,
    ):
        rejected = prepare_folder(
            images,
            store,
            resize=settings["resize"],
            decoding=Decoding(**settings["decoding"]),
            threads=snakemake.threads,
            on_image=step,
        )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(rejected, snakemake.output.rejected, "rejected", record)
