"""Join scores with prepared images: the image table and the rejected images."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.data.scores import read_scores
    from memorability.images.store import join_scores
    from memorability.tables import store
    from memorability.workflow.records import table_record

    given, settings = snakemake.input, snakemake.params.settings
    images, rejected = join_scores(
        read_scores(Path(given.scores), settings["columns"]),
        store.read(given.prepared, "prepared"),
        store.read(given.unusable, "unusable"),
        Path(given.images),
        settings["on_bad_image"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(images, snakemake.output.images, "images", record)
    store.write(rejected, snakemake.output.rejected, "rejected", record)
