"""Measure what labels and the original's size alone tell of every image."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.image_baselines import label_baselines
    from memorability.data.splits import with_split
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    table = label_baselines(
        with_split(
            store.read(snakemake.input.images, "images"),
            store.read(snakemake.input.split, "split"),
        ),
        target=settings["target"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(table, snakemake.output.baselines, "baselines", record)
