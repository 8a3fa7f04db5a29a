"""Draw what units answer to."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.report.figures.style import save
    from memorability.report.where.portraits import portraits_figure

    figure = portraits_figure(
        job.read("units"), Path(job.input.portraits), job.wildcards.head, note=job.params.note
    )
    save(figure, job.output.svg, job.output.png)
