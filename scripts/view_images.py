"""Decode every image once, as predictors that are fitted to pixels read it."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.pixel_predictors.of_files import preparation
    from memorability.scorer.study_images import ViewSettings, write_views

    folder = Path(job.input.folder)
    files = [folder / file for file in job.read("images", "prepared")["file"]]
    with progress(len(files), "decoding images") as step:
        write_views(
            preparation(job.params.preparation),
            files,
            Path(job.output.views),
            decoding=job.read_settings(ViewSettings).decoding,
            threads=job.threads,
            on_image=step,
        )
