"""Split the images into training, validation and test."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.provenance import table_record
    from memorability.splits import scored_split

    settings = snakemake.params.settings
    images = tables.read(snakemake.input.images, "images")
    official = tables.read_if_any(snakemake.input.official_splits, "official_splits")
    split = scored_split(images, settings, official)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(split, snakemake.output.split, "split", record)
