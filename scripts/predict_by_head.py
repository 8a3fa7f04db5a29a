"""Predict every image by another head on the same latents."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.base.arrays import open_sealed
    from memorability.base.seeding import make_deterministic
    from memorability.prediction.predicting import predict_by_head
    from memorability.prediction.predictors.contract import HeadSettings

    settings = job.read_settings(HeadSettings)
    make_deterministic(settings.threads)
    predictions, chosen = predict_by_head(
        job.wildcards.head,
        open_sealed(job.input.latents),
        job.read("split"),
        settings,
    )
    job.write("predictions", predictions, "head_predictions", facts=chosen)
