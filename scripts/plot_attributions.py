"""Draw photographs with their attributions."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    import numpy as np

    from memorability import figures, tables
    from memorability.images import open_store

    images = tables.read(snakemake.input.images, "images").reset_index(names="row")
    explained = tables.read(snakemake.input.attributions, "attributions").merge(
        images, on="image_id"
    )
    figure = figures.attribution_maps(
        explained,
        open_store(snakemake.input.pixels)[explained["row"]],
        np.abs(np.load(snakemake.input.maps)).sum(axis=1, dtype=float)
        * explained["scale"].to_numpy()[:, None, None],
        per_category=6,
        note=snakemake.params.note,
    )
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
