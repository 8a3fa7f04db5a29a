"""Train the predictor: predictions of every image, training history, the predictor itself."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.base.arrays import open_sealed
    from memorability.base.files import atomic
    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.prediction.predicting import chosen_settings, predict_images
    from memorability.prediction.predictors.trained import write_predictor
    from memorability.prediction.predictors.training import TrainingSettings

    trials = job.read_if_any("search", "prediction_search")
    settings = job.settings = chosen_settings(job.read_settings(TrainingSettings), trials)
    make_deterministic(settings.threads)
    with progress(settings.predictor.max_epochs, "training the predictor") as step:
        trained, predictions, history = predict_images(
            open_sealed(job.input.latents),
            job.read("images"),
            job.read("split"),
            settings,
            step,
        )
    job.write("predictions", predictions)
    job.write("history", history, "prediction_history")
    with atomic(job.output.predictor) as temporary:
        write_predictor(trained, temporary, job.record)
