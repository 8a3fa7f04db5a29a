"""Write Table 2: features beside memorability and attributions; parquet, TSV file and page."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability import tables
    from memorability.feature_table import (
        correlate_attributions,
        in_words,
        table_2,
        table_2_for_reading,
    )
    from memorability.pages import write_page
    from memorability.provenance import table_record
    from memorability.published import load_published

    settings, output = snakemake.params.settings, snakemake.output
    attributed = correlate_attributions(
        tables.read_runs(snakemake.input.features, "features"),
        tables.read(snakemake.input.attributions, "attributions"),
        tables.read(snakemake.input.images, "images"),
        draws=settings["bootstrap"],
        confidence=settings["confidence"],
        seed=settings["seed"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(attributed, output.attributed, "correlations", record)
    found = [tables.read(snakemake.input.correlations[0], "correlations"), attributed]
    table = table_2(found, load_published(), settings["unavailable"])
    tables.write(table, output.table, "table_2", record)
    tables.write_tsv(table, output.tsv)
    write_page(
        table_2_for_reading(table),
        output.page,
        title="Table 2: image features beside memorability and attributions",
        lead=in_words(table, confidence=settings["confidence"]),
        note=snakemake.params.note,
    )
