"""Make the image table of a study that has scores and no images."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.data.scores_alone import image_table
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    images = image_table(Path(snakemake.input.scores), **settings)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(images, snakemake.output.images, "images", record)
