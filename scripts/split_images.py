"""Split the images into training, validation and test."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.data.splits import scored_split
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    images = store.read(snakemake.input.images, "images")
    official = store.read_if_any(snakemake.input.official_splits, "official_splits")
    split = scored_split(images, settings, official)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(split, snakemake.output.split, "split", record)
