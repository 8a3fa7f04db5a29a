"""Write Table 2: features beside memorability and attributions; parquet, TSV file and page."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.analysis.feature_attributions import correlate_attributions
    from memorability.claims.published import load_published
    from memorability.report.pages import write_page
    from memorability.report.reading import table_2_for_reading
    from memorability.report.table_2 import in_words, table_2
    from memorability.statistics.intervals import Bootstrap
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings, output = snakemake.params.settings, snakemake.output
    attributed = correlate_attributions(
        store.read_runs(snakemake.input.features, "features"),
        store.read(snakemake.input.attributions, "attributions"),
        store.read(snakemake.input.images, "images"),
        Bootstrap(**settings["bootstrap"]),
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(attributed, output.attributed, "correlations", record)
    found = [store.read(snakemake.input.correlations[0], "correlations"), attributed]
    table = table_2(found, load_published(), settings["unavailable"])
    store.write(table, output.table, "table_2", record)
    store.write_tsv(table, output.tsv)
    write_page(
        table_2_for_reading(table),
        output.page,
        title="Table 2: image features beside memorability and attributions",
        lead=in_words(table, confidence=settings["bootstrap"]["confidence"]),
        note=snakemake.params.note,
    )
