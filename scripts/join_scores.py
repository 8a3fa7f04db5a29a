"""Join scores with prepared images: the image table and the rejected images."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.data.scores import DataSettings, read_scores
    from memorability.images.store import join_scores

    given, settings = job.input, job.read_settings(DataSettings)
    images, rejected = join_scores(
        read_scores(Path(given.scores), settings.columns),
        job.read("prepared"),
        job.read("unusable"),
        Path(given.images),
        settings.preparation.on_bad_image,
    )
    job.write("images", images)
    job.write("rejected", rejected)
