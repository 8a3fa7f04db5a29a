"""Write the study's Table 1: a table and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.pages import write_page
    from memorability.report.reading import table_1_details, table_1_for_reading
    from memorability.report.table_1 import table_1

    correlations = job.read("correlations")
    table = table_1(correlations, job.params.seeds_vary)
    job.write("table", table, "table_1")
    write_page(
        table_1_for_reading(table, confidence=job.params.confidence),
        job.output.page,
        title="Table 1: reconstruction error and memorability, by training loss",
        note=job.params.note,
        more={"More about the same models": table_1_details(table)},
    )
