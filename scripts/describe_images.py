"""Write one flat table of all images for people: scores, errors, distinctiveness, predictions."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.gathering import SOURCES
    from memorability.analysis.per_image import per_image
    from memorability.tables import store

    values = [
        SOURCES[quantity][1](job.read_runs(quantity, SOURCES[quantity][0]))
        for quantity in job.params.quantities
    ]
    table = per_image(
        job.read("images"),
        values,
        job.read_each("correlations"),
        job.read_runs("outcomes"),
        protocol=job.settings["protocol"],
        predictions=job.read_if_any("predictions"),
        heads=store.read_heads(job.input.heads),
        features=job.read_runs("features"),
    )
    job.write("table", table, "per_image")
