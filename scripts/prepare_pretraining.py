"""Prepare the images of pre-training: the store of pixels and the rejected images."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.images.decoding import Decoding
    from memorability.images.folder import find_images
    from memorability.images.store import prepare_folder
    from memorability.tables import store
    from memorability.workflow.records import table_record

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
    store.write(rejected, snakemake.output.rejected, "rejected", record)
