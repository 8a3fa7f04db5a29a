"""Draw maps of some images by every method."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.report.figures.style import save
    from memorability.report.where.maps import maps_figure

    maps = job.read("maps", "memorability_maps")
    own = maps[maps["predictor"] == job.wildcards.head]
    figure = maps_figure(own, Path(job.input.images_shown), note=job.params.note)
    save(figure, job.output.svg, job.output.png)
