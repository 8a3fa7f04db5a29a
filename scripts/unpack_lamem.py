"""Unpack LaMem's images, and write its scores and the five published splits as tables."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability import tables
    from memorability.checksums import verify
    from memorability.datasets import lamem
    from memorability.downloads import registry
    from memorability.job import progress
    from memorability.provenance import table_record

    verify(registry()["lamem"], Path(snakemake.input.archive))
    with progress(lamem.IMAGES, "unpacking LaMem") as step:
        scores, splits, differences = lamem.unpack(
            Path(snakemake.input.archive),
            Path(snakemake.output.images),
            on_file=step,
        )
    record = table_record("lamem", {}, snakemake.params.code)
    tables.write(scores, snakemake.output.scores, "scores", record)
    tables.write(splits, snakemake.output.splits, "official_splits", record)
    tables.write(differences, snakemake.output.differences, "differences", record)
    tables.write_tsv(differences, snakemake.output.tsv)
