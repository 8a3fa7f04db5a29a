"""Set every published figure beside ours, with a verdict: table, TSV file, page and badge."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.base.files import atomic
    from memorability.claims.answers import as_correlations, our_figures
    from memorability.claims.ledger import badge, ledger
    from memorability.claims.published import load_published
    from memorability.report.pages import write_page
    from memorability.report.reading import claims_for_reading
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings, given = snakemake.params.settings, snakemake.input
    ours = our_figures(
        [store.read(path, "correlations") for path in given.correlations]
        + [as_correlations(store.read(path, "decay")) for path in given.decay],
        store.read(given.images, "images"),
        metrics=store.read_if_any(given.metrics, "prediction_metrics"),
        predictions=store.read_if_any(given.predictions, "predictions"),
        ceiling=store.read_if_any(given.ceiling, "ceiling"),
        **settings["ours"],
    )
    claims = ledger(ours, claims=load_published(), **settings["ledger"])
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(claims, snakemake.output.claims, "claims", record)
    store.write_tsv(claims, snakemake.output.tsv)
    with atomic(snakemake.output.badge) as temporary:
        temporary.write_text(f"{badge(claims)}\n", encoding="utf-8")
    write_page(
        claims_for_reading(claims),
        snakemake.output.page,
        title="Every published figure beside ours",
        lead=badge(claims),
        note=snakemake.params.note,
    )
