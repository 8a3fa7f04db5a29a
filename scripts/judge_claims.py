"""Set every published figure beside ours, with a verdict."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.claims import ledger, load_published
    from memorability.decay import as_correlations
    from memorability.pages import write_page
    from memorability.provenance import table_record
    from memorability.summaries import claims_for_reading, our_figures

    settings = snakemake.params.settings
    ours = our_figures(
        [tables.read(path, "correlations") for path in snakemake.input.correlations]
        + [as_correlations(tables.read(path, "decay")) for path in snakemake.input.decay],
        tables.read(snakemake.input.metrics, "prediction_metrics"),
        snakemake.params.protocol,
        snakemake.params.selected_loss,
    )
    claims = ledger(ours, claims=load_published(), **settings)
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(claims, snakemake.output.claims, "claims", record)
    tables.write_tsv(claims, snakemake.output.tsv)
    write_page(
        claims_for_reading(claims),
        snakemake.output.page,
        title="Every published figure beside ours",
        note=snakemake.params.note,
    )
