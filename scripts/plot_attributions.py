"""Draw photographs with their attributions."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    import numpy as np

    from memorability import attribution_figures, figures, tables
    from memorability.images import open_store

    images = tables.read(snakemake.input.images, "images").reset_index(names="place")
    table = tables.read(snakemake.input.attributions, "attributions")
    explained = table.merge(images, on="image_id")
    shown = attribution_figures.shown_images(explained, snakemake.params.show)
    figure = attribution_figures.attribution_maps(
        shown,
        open_store(snakemake.input.pixels)[shown["place"]],
        np.load(snakemake.input.maps, mmap_mode="r")[shown["row"]],
        note=snakemake.params.note,
    )
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
