"""Fit a predictor of pixels to the training images, and predict every image with it."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.arrays import open_sealed
    from memorability.base.files import CHECKPOINTS
    from memorability.base.job_log import progress
    from memorability.networks.computing import deterministic_device
    from memorability.pixel_predictors.contract import Given, Resuming
    from memorability.pixel_predictors.of_files import fit_with
    from memorability.scorer.study_images import StudyFitSettings, fit_to_study, measured

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
        found = fit_to_study(
            fit_with(job.wildcards.head, Given.of_files(job.input.weights, job.input.mean_image)),
            split["image_id"],
            open_sealed(job.input.views),
            scores,
            split["split"].to_numpy(),
            settings=settings.on(device, resuming),
            on_image=step,
        )
    job.write("predictions", found.predictions, "head_predictions", facts=found.facts)
    job.write("history", found.history, "pixel_history")
    found.write(job.wildcards.head, Path(job.output.predictor))
