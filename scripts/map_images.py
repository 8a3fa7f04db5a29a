"""Map the predicted score over test images, by several methods."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.explanation.jobs import kept_shards
    from memorability.networks.computing import deterministic_device
    from memorability.where.looking import chosen_images, open_each, thumbnails
    from memorability.where.maps import SHOWN, MapSettings, map_images

    settings = job.read_settings(MapSettings)
    device = deterministic_device(settings.compute)
    split = job.read("split")["split"].to_numpy()
    count, seed = settings.mapped_images, settings.seed
    chosen = chosen_images(job.read("images"), split, count, seed=seed)
    folder = Path(job.input.folder)
    files = [*job.input.predictors, job.input.images, job.input.split]
    with kept_shards(job.settings, job.params.code, files, device) as shards:
        predictors = open_each(job.params.predictors, device)
        maps = map_images(chosen, folder, predictors, settings, device=device, shards=shards)
        thumbnails(chosen, folder, settings.decoding, job.output.images_shown, count=SHOWN)
        job.write("maps", maps, "memorability_maps")
