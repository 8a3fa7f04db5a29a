"""Draw the correlations of fine-tuned models beside those of controls."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.correlations import beside_models
    from memorability.report.figures import comparisons, style
    from memorability.tables import store

    models, controls = (store.read(path, "correlations") for path in snakemake.input.correlations)
    figure = comparisons.forest(
        beside_models(models, controls, snakemake.params.protocol),
        title="Fine-tuned autoencoders beside controls that learned nothing",
        note=snakemake.params.note,
    )
    style.save(figure, snakemake.output.svg, snakemake.output.png)
