"""Prepare images: the store of pixels, the order of its images, and the images left out."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.data.scores import read_scores
    from memorability.images.decoding import Decoding
    from memorability.images.store import prepare

    settings = job.settings
    decoding = Decoding(**settings["decoding"])
    scores = read_scores(Path(job.input.scores), settings["columns"])
    with progress(len(scores), "preparing images") as step:
        images, rejected = prepare(
            scores,
            Path(job.input.images),
            Path(job.output.pixels),
            resize=settings["resize"],
            minimum_side=settings["minimum_side"],
            on_bad_image=settings["on_bad_image"],
            seed=settings["seed"],
            decoding=decoding,
            threads=job.threads,
            on_image=step,
        )
    job.write("prepared", images, facts=decoding.in_words())
    job.write("unusable", rejected, facts=decoding.in_words())
