"""Predict the test images of every category from the other categories alone."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.base.arrays import open_sealed
    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.prediction.left_out import LeftOutSettings, predict_left_out_categories
    from memorability.prediction.predicting import chosen_settings

    trials = job.read_if_any("search", "prediction_search")
    settings = job.settings = chosen_settings(job.read_settings(LeftOutSettings), trials)
    make_deterministic(settings.threads)
    images = job.read("images")
    with progress(images["category"].nunique(), "leaving out categories") as step:
        predictions = predict_left_out_categories(
            open_sealed(job.input.latents),
            images,
            job.read("split"),
            settings,
            step,
        )
    job.write("predictions", predictions, "left_out")
