"""Say and draw which units go with memorability, and the images that move them most."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.report.figures.style import save
    from memorability.report.where.units import units_figure

    figure = units_figure(
        job.read("units"), Path(job.input.shown), job.wildcards.head, note=job.params.note
    )
    save(figure, job.output.svg, job.output.png)
