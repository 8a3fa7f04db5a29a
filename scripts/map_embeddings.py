"""Test whether similar scores lie together in embeddings, and place images on a plane."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.base.arrays import open_sealed
    from memorability.report.where.latent_map import write_latent_map
    from memorability.tables import store
    from memorability.where.embeddings.latent_map import (
        LatentMapSettings,
        embeddings_of,
        map_embeddings,
        with_errors,
    )

    settings = job.read_settings(LatentMapSettings)
    images, split = job.read("images"), job.read("split")["split"].to_numpy()
    latents = open_sealed(job.input.latents)
    of_vae = job.read("of_vae", "small_vae_means")
    means = Path(job.input.means)
    embeddings, chosen = embeddings_of(latents, means, of_vae, images, split, settings)
    maps = map_embeddings(embeddings, chosen, settings)
    heads = store.read_heads(job.input.heads)
    errors = with_errors(maps.positions, chosen, job.read("predictions"), heads)
    job.write("tests", maps.tests, "latent_map")
    job.write("positions", errors, "latent_positions")
    curve = job.read("curve", "small_vae")
    write_latent_map(maps.tests, curve, job.output.page, note=job.params.note)
