"""Draw attributes by quartile of memorability, and sorted scores by source."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    import pandas as pd

    from memorability.report.attributes.figures import attributes_figure, sources_figure
    from memorability.report.figures.style import save

    shared = {"score": job.params.score, "note": job.params.note}
    attributes, quartiles = job.read("attributes"), job.read("quartiles", "attribute_quartiles")
    figure = attributes_figure(attributes, quartiles, **shared)
    save(figure, job.output.svg, job.output.png)
    values = pd.concat(job.read_each("values", "image_attributes"), ignore_index=True)
    tests, images = job.read("tests", "source_tests"), job.read("images")
    figure = sources_figure(values, tests, images, target=job.params.target, **shared)
    save(figure, job.output.sources_svg, job.output.sources_png)
