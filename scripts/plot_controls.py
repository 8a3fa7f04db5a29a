"""Draw the correlations of fine-tuned models beside those of controls."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import figures, tables
    from memorability.quantities import beside_models

    models, controls = (tables.read(path, "correlations") for path in snakemake.input.correlations)
    figure = figures.forest(
        beside_models(models, controls, snakemake.params.protocol),
        title="Fine-tuned autoencoders beside controls that learned nothing",
        note=snakemake.params.note,
    )
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
