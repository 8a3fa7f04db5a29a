"""Summarise the checks of attributions and draw each."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import attribution_figures, figures, tables
    from memorability.attributions.summary import summarise_checks
    from memorability.intervals import Bootstrap
    from memorability.provenance import table_record

    given, output, params = snakemake.input, snakemake.output, snakemake.params
    bootstrap = Bootstrap(**params.settings)
    curves = tables.read(given.curves, "attribution_curves")
    checks = summarise_checks(
        tables.read(given.attributions, "attributions"),
        tables.read(given.variants, "attribution_variants"),
        tables.read(given.similarity, "attribution_similarity"),
        curves,
        bootstrap,
    )
    record = table_record(params.study, params.settings, params.code)
    tables.write(checks, output.checks, "attribution_checks", record)
    tables.write_tsv(checks, output.tsv)
    baselines = attribution_figures.agreement(checks, "baseline", note=params.note)
    figures.save(baselines, output.baselines, output.baselines_png)
    weights = attribution_figures.agreement(checks, "weights", note=params.note)
    figures.save(weights, output.weights, output.weights_png)
    drawn = attribution_figures.deletion_insertion(curves, checks, bootstrap, note=params.note)
    figures.save(drawn, output.deletion, output.deletion_png)
