"""Score the images of a further data set by a predictor of pixels, in each of its fits."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.networks.computing import deterministic_device
    from memorability.pixel_predictors.contract import Given
    from memorability.pixel_predictors.of_files import open_with
    from memorability.scorer.further_sets import PUBLISHED, score_further
    from memorability.scorer.study_images import ScoringSettings

    settings = job.read_settings(ScoringSettings)
    given = {Path(file).stem: Given(weights=(Path(file),)) for file in job.input.fitted}
    if not given:
        weights, mean_image = (
            [Path(file) for file in job.input[name]] for name in ("weights", "mean_image")
        )
        given[PUBLISHED] = Given(weights=tuple(weights), mean_image=next(iter(mean_image), None))
    images = job.read("images")
    with progress(len(images), "predicting images") as step:
        scores = score_further(
            {fitted_to: open_with(job.wildcards.head, one) for fitted_to, one in given.items()},
            images,
            Path(job.input.folder),
            decoding=settings.decoding,
            device=deterministic_device(settings.compute),
            threads=job.threads,
            on_image=step,
        )
    job.write("scores", scores, "test_set_scores")
