"""Draw some images under each ablation."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.report.figures.style import save
    from memorability.report.where.ablations import examples_figure, read_examples

    figure = examples_figure(
        read_examples(Path(job.input.examples)),
        job.read("scores", "ablation_scores"),
        note=job.params.note,
    )
    save(figure, job.output.svg, job.output.png)
