"""Draw the best and the worst reconstructions of the analysed model below their originals."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    import numpy as np

    from memorability.analysis.gathering import best_and_worst, from_errors
    from memorability.images.store import open_store
    from memorability.report.figures import errors, style

    params = job.params
    values = from_errors(job.read_runs("errors"))
    images = job.read("images").reset_index(names="row")
    shown = best_and_worst(values).merge(images, on="image_id", how="left")
    figure = errors.reconstructions(
        shown,
        open_store(job.input.pixels)[shown["row"]],
        np.load(job.input.reconstructions),
        target=params.target,
        score=params.score,
        title=style.run_title(values),
        note=params.note,
    )
    style.save(figure, job.output.svg, job.output.png)
