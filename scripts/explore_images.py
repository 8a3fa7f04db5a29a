"""Write one page of all images: filtered, sorted, and one in full with its nearest neighbours."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.explorer.page import ExplorerSettings, open_explored, write_explorer

    write_explorer(
        job.output.page,
        job.read("per_image"),
        job.read_settings(ExplorerSettings),
        explored=open_explored(
            job.read_if_any("images"),
            job.input.pixels,
            job.input.reconstructions,
            job.input.latents,
            job.read_if_any("attributions"),
            job.input.maps,
        ),
    )
