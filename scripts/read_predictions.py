"""Read predictions that were made elsewhere."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.data.own_tables import read_predictions

    predictions = read_predictions(
        Path(job.input.table),
        job.settings,
        job.read("images"),
        job.read("split"),
    )
    job.write("predictions", predictions, "head_predictions")
