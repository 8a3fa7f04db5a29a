"""Unpack MemCat's images, check its score table, and write both as the study reads them."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.data import memcat
    from memorability.images.data_sets import DATA_SETS
    from memorability.sources.checksums import verify
    from memorability.sources.downloads import registry
    from memorability.tables import store
    from memorability.workflow.records import table_record

    verify(registry()["memcat_images"], Path(snakemake.input.archive))
    verify(registry()["memcat_scores"], Path(snakemake.input.table))
    with progress(DATA_SETS["memcat"].images, "unpacking MemCat") as step:
        scores, differences = memcat.unpack(
            Path(snakemake.input.archive),
            Path(snakemake.input.table),
            Path(snakemake.output.images),
            on_image=step,
        )
    record = table_record("memcat", {}, snakemake.params.code)
    store.write(scores, snakemake.output.scores, "scores", record)
    store.write(differences, snakemake.output.differences, "differences", record)
    store.write_tsv(differences, snakemake.output.tsv)
