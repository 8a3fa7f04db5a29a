"""Correlate units of a layer with memorability, and keep the images that move them most."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.networks.computing import deterministic_device
    from memorability.where.looking import chosen_images, open_each
    from memorability.where.units import UnitSettings, look_at_units

    settings = job.read_settings(UnitSettings)
    device = deterministic_device(settings.compute)
    split, images = job.read("split")["split"].to_numpy(), job.read("images")
    scored = images[settings.target].notna().to_numpy()
    chosen = chosen_images(images[scored], split[scored], settings)
    predictors = open_each(job.params.predictors, device)
    with progress(len(chosen), "looking at units") as step:
        units = look_at_units(
            chosen, Path(job.input.folder), predictors, settings,
            device=device, shown=job.output.shown, on_image=step,
        )  # fmt: skip
    job.write("units", units)
