"""Draw the error of pre-trained models by epoch."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import learning, style

    histories = job.read_runs("histories", "pretraining")
    figure = learning.pretraining_errors(histories, note=job.params.note)
    style.save(figure, job.output.svg, job.output.png)
