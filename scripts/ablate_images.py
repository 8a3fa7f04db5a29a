"""Take something away from test images, and score them before and after, with controls."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.explanation.jobs import kept_shards
    from memorability.features.region_detectors import detection
    from memorability.networks.computing import deterministic_device
    from memorability.where.ablating import AblationSettings, ablate, write_examples
    from memorability.where.looking import chosen_images, open_each
    from memorability.where.regions import read_regions

    FILES = ("predictors", "regions", "detectors")
    settings = job.read_settings(AblationSettings)
    device = deterministic_device(settings.compute)
    images, folder = job.read("images"), Path(job.input.folder)
    chosen = chosen_images(
        images, job.read("split")["split"].to_numpy(), settings.images, seed=settings.seed
    )
    regions = read_regions(job.input.regions, images)
    detect = detection(job.params.detectors, device)
    files = [file for name in FILES for file in job.input[name]]
    files += [job.input.images, job.input.split]
    with kept_shards(job.settings, job.params.code, files, device) as shards:
        scores = ablate(
            chosen, folder, regions, open_each(job.params.predictors, device), settings,
            device=device, shards=shards, detect=detect,
        )  # fmt: skip
        write_examples(chosen, folder, regions, settings, job.output.examples, detect)
        job.write("scores", scores, "ablation_scores")
