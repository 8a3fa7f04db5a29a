"""Make pictures of what units answer to: averages of regions, segmentations, visualisations."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.job_log import progress
    from memorability.networks.computing import deterministic_device
    from memorability.where.looking import open_each, scored_test_images
    from memorability.where.portraits.making import PortraitSettings, portray_units

    settings = job.read_settings(PortraitSettings)
    device = deterministic_device(settings.compute)
    split = job.read("split")["split"].to_numpy()
    chosen = scored_test_images(job.read("images"), split, job.params.target)
    units = job.read("units", "unit_correlations")
    predictors = open_each(job.params.predictors, device)
    with progress(len(chosen) * units["predictor"].nunique(), "looking at images") as step:
        portray_units(
            chosen, Path(job.input.folder), units, predictors, settings,
            device=device, path=job.output.portraits, on_image=step,
        )  # fmt: skip
