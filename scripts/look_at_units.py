"""Correlate units of a layer with memorability, and keep the images that move them most."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.networks.computing import deterministic_device
    from memorability.where.looking import open_each, scored_test_images
    from memorability.where.units import UnitSettings, look_at_units

    settings = job.read_settings(UnitSettings)
    device = deterministic_device(settings.compute)
    split = job.read("split")["split"].to_numpy()
    chosen = scored_test_images(job.read("images"), split, settings.target)
    predictors = open_each(job.params.predictors, device)
    with progress(len(chosen), "looking at units") as step:
        units = look_at_units(
            chosen, Path(job.input.folder), predictors, settings,
            device=device, shown=job.output.shown, means=job.output.means, on_image=step,
        )  # fmt: skip
    job.write("units", units, "unit_correlations")
