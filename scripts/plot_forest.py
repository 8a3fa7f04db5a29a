"""Draw correlations within and between categories, and write what they mean as a page."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.report.figures import style
    from memorability.report.figures.decomposition import within_between
    from memorability.report.pages import write_page
    from memorability.report.table_1 import forest_models
    from memorability.report.wording import models_in_words
    from memorability.tables import store

    params = snakemake.params
    found = [store.read(path, "correlations") for path in snakemake.input.correlations]
    models = forest_models(found, params.protocol, params.loss)
    figure = within_between(models, confidence=params.confidence, note=params.note)
    style.save(figure, snakemake.output.svg, snakemake.output.png)
    write_page(
        models_in_words(found, confidence=params.confidence),
        snakemake.output.page,
        title="Correlations with memorability in plain words",
        note=params.note,
    )
