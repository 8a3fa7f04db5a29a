"""Draw correlations within and between categories, and write what they mean as a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures import style
    from memorability.report.figures.decomposition import within_between
    from memorability.report.labels import with_networks
    from memorability.report.pages import write_page
    from memorability.report.table_1 import forest_models
    from memorability.report.wording import models_in_words

    params = job.params
    found = with_networks(job.read_each("correlations"))
    models = forest_models(found, params.protocol, params.loss)
    figure = within_between(models, confidence=params.confidence, note=params.note)
    style.save(figure, job.output.svg, job.output.png)
    write_page(
        models_in_words(found, confidence=params.confidence),
        job.output.page,
        title="Correlations with memorability in plain words",
        note=params.note,
    )
