"""Draw correlations within and between categories, and write what they mean as a page."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables
    from memorability.figures_correlations import within_between
    from memorability.pages import write_page
    from memorability.summaries import forest_models
    from memorability.wording import models_in_words

    params = snakemake.params
    found = [tables.read(path, "correlations") for path in snakemake.input.correlations]
    models = forest_models(found, params.protocol, params.loss)
    figure = within_between(models, confidence=params.confidence, note=params.note)
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
    write_page(
        models_in_words(found, confidence=params.confidence),
        snakemake.output.page,
        title="Correlations with memorability in plain words",
        note=params.note,
    )
