"""Fit a predictor of pixels to the training images, and predict every image with it."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    import pandas as pd

    from memorability.base.arrays import open_sealed
    from memorability.base.files import CHECKPOINTS
    from memorability.base.job_log import progress
    from memorability.networks.computing import deterministic_device
    from memorability.pixel_predictors.contract import Epoch, Given, Resuming
    from memorability.pixel_predictors.fitted_file import write_fitted
    from memorability.pixel_predictors.of_files import fit_with
    from memorability.scorer.study_images import (
        StudyFitSettings,
        fit_to_study,
        head_predictions,
        measured,
    )

    settings = job.read_settings(StudyFitSettings)
    device = deterministic_device(settings.compute)
    split = job.read("split")
    scores = measured(job.wildcards.target, split, job.read("images"))
    resuming = Resuming(
        directory=CHECKPOINTS,
        seconds=job.config["compute"]["checkpoint_seconds"],
        code=job.params.code,
    )
    with progress(len(split), "predicting images") as step:
        fitted, predicted = fit_to_study(
            fit_with(job.wildcards.head, Given(weights=tuple(map(Path, job.input.weights)))),
            open_sealed(job.input.views),
            scores,
            split["split"].to_numpy(),
            settings=settings.on(device, resuming),
            on_image=step,
        )
    predictions = head_predictions(split["image_id"], predicted)
    job.write("predictions", predictions, "head_predictions", facts=fitted.chosen)
    job.write("history", pd.DataFrame(fitted.history, columns=Epoch._fields), "pixel_history")
    write_fitted(fitted.predictor, Path(job.output.predictor))
