"""Predict every image by a predictor of pixels that was trained elsewhere."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from dataclasses import asdict
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.networks.computing import deterministic_device
    from memorability.pixel_predictors.contract import Given
    from memorability.pixel_predictors.of_files import open_with
    from memorability.scorer.study_images import ScoringSettings, head_predictions, score_study

    settings = job.read_settings(ScoringSettings)
    device = deterministic_device(settings.compute)
    given = Given.of_files(job.input.weights, job.input.mean_image)
    predictor = open_with(job.wildcards.head, given)
    images, folder = job.read("images", "prepared"), Path(job.input.folder)
    with progress(len(images), "predicting images") as step:
        predicted = score_study(
            predictor,
            [folder / file for file in images["file"]],
            decoding=settings.decoding,
            device=device,
            threads=job.threads,
            on_image=step,
        )
    predictions = head_predictions(images["image_id"], predicted)
    job.write("predictions", predictions, "head_predictions", facts=asdict(predictor.facts))
