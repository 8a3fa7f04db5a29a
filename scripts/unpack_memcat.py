"""Unpack MemCat's images, check its score table, and write both as the study reads them."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability import tables
    from memorability.checksums import verify
    from memorability.datasets import memcat
    from memorability.downloads import registry
    from memorability.job import progress
    from memorability.provenance import table_record

    verify(registry()["memcat_images"], Path(snakemake.input.archive))
    verify(registry()["memcat_scores"], Path(snakemake.input.table))
    with progress(memcat.IMAGES, "unpacking MemCat") as step:
        scores, differences = memcat.unpack(
            Path(snakemake.input.archive),
            Path(snakemake.input.table),
            Path(snakemake.output.images),
            on_image=step,
        )
    record = table_record("memcat", {}, snakemake.params.code)
    tables.write(scores, snakemake.output.scores, "scores", record)
    tables.write(differences, snakemake.output.differences, "differences", record)
    tables.write_tsv(differences, snakemake.output.tsv)
