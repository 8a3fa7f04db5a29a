"""Prepare images: the store of pixels, the order of its images, and the images left out."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.data.scores import DataSettings, read_scores
    from memorability.images.store import prepare

    settings = job.read_settings(DataSettings)
    scores = read_scores(Path(job.input.scores), settings.columns)
    with progress(len(scores), "preparing images") as step:
        images, rejected = prepare(
            scores,
            Path(job.input.images),
            Path(job.output.pixels),
            settings.preparation,
            threads=job.threads,
            on_image=step,
        )
    facts = settings.preparation.decoding.in_words()
    job.write("prepared", images, facts=facts)
    job.write("unusable", rejected, facts=facts)
