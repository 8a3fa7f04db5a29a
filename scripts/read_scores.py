"""Make the image table of a study that has scores and no images."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability import tables
    from memorability.datasets.score_table import image_table
    from memorability.provenance import table_record

    settings = snakemake.params.settings
    images = image_table(Path(snakemake.input.scores), **settings)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(images, snakemake.output.images, "images", record)
