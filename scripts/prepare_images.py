"""Prepare images: the store of pixels, the order of its images, and the images left out."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.data.scores import read_scores
    from memorability.images.decoding import Decoding
    from memorability.images.store import prepare
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    scores = read_scores(Path(snakemake.input.scores), settings["columns"])
    with progress(len(scores), "preparing images") as step:
        images, rejected = prepare(
            scores,
            Path(snakemake.input.images),
            Path(snakemake.output.pixels),
            resize=settings["resize"],
            minimum_side=settings["minimum_side"],
            on_bad_image=settings["on_bad_image"],
            seed=settings["seed"],
            decoding=Decoding(**settings["decoding"]),
            threads=snakemake.threads,
            on_image=step,
        )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    record |= {key: str(value) for key, value in settings["decoding"].items()}
    store.write(images, snakemake.output.prepared, "prepared", record)
    store.write(rejected, snakemake.output.unusable, "unusable", record)
