"""Write Table 2: features beside memorability and attributions; parquet, TSV file and page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.feature_attributions import correlate_attributions
    from memorability.claims.published import load_published
    from memorability.report.pages import write_page
    from memorability.report.reading import table_2_for_reading
    from memorability.report.table_2 import Table2Settings, in_words, table_2

    settings = job.read_settings(Table2Settings)
    attributed = correlate_attributions(
        job.read_runs("features"),
        job.read("attributions"),
        job.read("images"),
        settings.bootstrap,
    )
    job.write("attributed", attributed, "correlations")
    found = [job.read("correlations"), attributed]
    table = table_2(found, load_published(), settings.unavailable)
    job.write("table", table, "table_2")
    job.write_tsv(table)
    write_page(
        table_2_for_reading(table),
        job.output.page,
        title="Table 2: image features beside memorability and attributions",
        lead=in_words(table, confidence=settings.bootstrap.confidence),
        note=job.params.note,
    )
