"""Draw images with detail where a map is high or low, and score the drawings."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.networks.computing import deterministic_device
    from memorability.where.looking import LookSettings, open_each
    from memorability.where.modified.making import maps_by, modify_images

    settings = job.read_settings(LookSettings)
    device = deterministic_device(settings.compute)
    images = job.read("images")
    maps = maps_by(job.read("maps", "memorability_maps"), job.params.made_by)
    chosen = images[images["image_id"].isin(maps)].reset_index(drop=True)
    with progress(len(chosen), "drawing images") as step:
        scores = modify_images(
            chosen, Path(job.input.folder), maps, open_each(job.params.predictors, device), settings,
            device=device, stimuli=Path(job.output.stimuli), examples=Path(job.output.examples),
            on_image=step,
        )  # fmt: skip
    job.write("scores", scores, "modified_scores")
