"""Write Table 2: features beside memorability and attributions; tables and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.feature_attributions import correlate_attributions
    from memorability.claims.published import load_published
    from memorability.report.labels import label
    from memorability.report.pages import write_page
    from memorability.report.reading import table_2_for_reading
    from memorability.report.table_2 import in_words, table_2
    from memorability.statistics.intervals import Bootstrap

    settings = job.settings
    attributed = correlate_attributions(
        job.read_runs("features"),
        job.read("attributions"),
        job.read("images"),
        Bootstrap(**settings["bootstrap"]),
    )
    job.write("attributed", attributed, "correlations")
    found = [job.read("correlations"), attributed]
    table = table_2(found, load_published(), settings["unavailable"])
    job.write("table", table, "table_2")
    confidence = settings["bootstrap"]["confidence"]
    memorability, *attributions = table["target"].unique()
    write_page(
        table_2_for_reading(table, memorability, confidence=confidence),
        job.output.page,
        title="Table 2: image features beside memorability and attributions",
        lead=in_words(table, confidence=confidence),
        note=job.params.note,
        more={
            f"The same features beside {label(target)}": table_2_for_reading(
                table, target, confidence=confidence
            )
            for target in attributions
        },
    )
