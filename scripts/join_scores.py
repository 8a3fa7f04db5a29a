"""Join scores with prepared images: the image table and the rejected images."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability import tables
    from memorability.datasets.scores import read_scores
    from memorability.images import join_scores
    from memorability.provenance import table_record

    given, settings = snakemake.input, snakemake.params.settings
    images, rejected = join_scores(
        read_scores(Path(given.scores), settings["columns"]),
        tables.read(given.prepared, "prepared"),
        tables.read(given.unusable, "unusable"),
        Path(given.images),
        settings["on_bad_image"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(images, snakemake.output.images, "images", record)
    tables.write(rejected, snakemake.output.rejected, "rejected", record)
