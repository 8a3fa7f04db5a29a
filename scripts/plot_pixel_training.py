"""Draw the errors of every training of a predictor of pixels by epoch, and list them."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import learning, style

    histories = job.read_runs("histories", "pixel_history")
    job.write("table", histories, "pixel_training")
    style.save(
        learning.pixel_training(histories, note=job.params.note), job.output.svg, job.output.png
    )
