"""Summarise the checks of attributions and draw each."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.explanation.check_summary import summarise_checks
    from memorability.report.figures import attribution, style
    from memorability.statistics.intervals import Bootstrap
    from memorability.tables import store
    from memorability.workflow.records import table_record

    given, output, params = snakemake.input, snakemake.output, snakemake.params
    bootstrap = Bootstrap(**params.settings)
    curves = store.read(given.curves, "attribution_curves")
    checks = summarise_checks(
        store.read(given.attributions, "attributions"),
        store.read(given.variants, "attribution_variants"),
        store.read(given.similarity, "attribution_similarity"),
        curves,
        bootstrap,
    )
    record = table_record(params.study, params.settings, params.code)
    store.write(checks, output.checks, "attribution_checks", record)
    store.write_tsv(checks, output.tsv)
    baselines = attribution.agreement(checks, "baseline", note=params.note)
    style.save(baselines, output.baselines, output.baselines_png)
    weights = attribution.agreement(checks, "weights", note=params.note)
    style.save(weights, output.weights, output.weights_png)
    drawn = attribution.deletion_insertion(curves, checks, bootstrap, note=params.note)
    style.save(drawn, output.deletion, output.deletion_png)
