"""Draw photographs with their attributions."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    import numpy as np

    from memorability.images.store import open_store
    from memorability.report.figures import attribution, style

    images = job.read("images").reset_index(names="place")
    table = job.read("attributions")
    explained = table.merge(images, on="image_id")
    shown = attribution.shown_images(explained, job.params.show)
    figure = attribution.attribution_maps(
        shown,
        open_store(job.input.pixels)[shown["place"]],
        np.load(job.input.maps, mmap_mode="r")[shown["row"]],
        note=job.params.note,
    )
    style.save(figure, job.output.svg, job.output.png)
