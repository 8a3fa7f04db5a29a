"""Set every published figure beside ours, with a verdict: table, TSV file, page and badge."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.answers import our_figures
    from memorability.claims import badge, ledger
    from memorability.decay import as_correlations
    from memorability.files import atomic
    from memorability.pages import write_page
    from memorability.provenance import table_record
    from memorability.published import load_published
    from memorability.summaries import claims_for_reading

    settings, given = snakemake.params.settings, snakemake.input
    ours = our_figures(
        [tables.read(path, "correlations") for path in given.correlations]
        + [as_correlations(tables.read(path, "decay")) for path in given.decay],
        tables.read(given.images, "images"),
        metrics=tables.read_if_any(given.metrics, "prediction_metrics"),
        predictions=tables.read_if_any(given.predictions, "predictions"),
        ceiling=tables.read_if_any(given.ceiling, "ceiling"),
        **settings["ours"],
    )
    claims = ledger(ours, claims=load_published(), **settings["ledger"])
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(claims, snakemake.output.claims, "claims", record)
    tables.write_tsv(claims, snakemake.output.tsv)
    with atomic(snakemake.output.badge) as temporary:
        temporary.write_text(f"{badge(claims)}\n", encoding="utf-8")
    write_page(
        claims_for_reading(claims),
        snakemake.output.page,
        title="Every published figure beside ours",
        lead=badge(claims),
        note=snakemake.params.note,
    )
