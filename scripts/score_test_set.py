"""Score the images of a further data set by a predictor of pixels, in each of its fits."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.networks.computing import deterministic_device
    from memorability.pixel_predictors.contract import Given
    from memorability.scorer.further_sets import fits_of, score_further
    from memorability.scorer.study_images import ScoringSettings

    settings = job.read_settings(ScoringSettings)
    published = Given.of_files(job.input.weights, job.input.mean_image)
    predictors = fits_of(job.wildcards.head, [Path(file) for file in job.input.fitted], published)
    images = job.read("images")
    with progress(len(images), "predicting images") as step:
        scores = score_further(
            predictors,
            images,
            Path(job.input.folder),
            decoding=settings.decoding,
            device=deterministic_device(settings.compute),
            threads=job.threads,
            on_image=step,
        )
    job.write("scores", scores, "test_set_scores")
