"""Draw photographs with their attributions."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    import numpy as np

    from memorability.images.store import open_store
    from memorability.report.figures import attribution, style
    from memorability.tables import store

    images = store.read(snakemake.input.images, "images").reset_index(names="place")
    table = store.read(snakemake.input.attributions, "attributions")
    explained = table.merge(images, on="image_id")
    shown = attribution.shown_images(explained, snakemake.params.show)
    figure = attribution.attribution_maps(
        shown,
        open_store(snakemake.input.pixels)[shown["place"]],
        np.load(snakemake.input.maps, mmap_mode="r")[shown["row"]],
        note=snakemake.params.note,
    )
    style.save(figure, snakemake.output.svg, snakemake.output.png)
