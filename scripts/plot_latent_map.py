"""Draw the maps of an embedding, coloured by score, category and error."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures.style import save
    from memorability.report.where.latent_map import latent_map_figure

    figure = latent_map_figure(
        job.read("positions", "latent_positions"),
        job.read("curve", "small_vae"),
        job.read("images"),
        target=job.params.target,
        score=job.params.score,
        note=job.params.note,
    )
    save(figure, job.output.svg, job.output.png)
