"""Unpack LaMem's images, and write its scores and the five published splits as tables."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.data import lamem
    from memorability.images.data_sets import DATA_SETS
    from memorability.sources.checksums import verify
    from memorability.sources.downloads import registry
    from memorability.tables import store
    from memorability.workflow.records import table_record

    verify(registry()["lamem"], Path(snakemake.input.archive))
    with progress(DATA_SETS["lamem"].images, "unpacking LaMem") as step:
        scores, splits, differences = lamem.unpack(
            Path(snakemake.input.archive),
            Path(snakemake.output.images),
            on_file=step,
        )
    record = table_record("lamem", {}, snakemake.params.code)
    store.write(scores, snakemake.output.scores, "scores", record)
    store.write(splits, snakemake.output.splits, "official_splits", record)
    store.write(differences, snakemake.output.differences, "differences", record)
    store.write_tsv(differences, snakemake.output.tsv)
