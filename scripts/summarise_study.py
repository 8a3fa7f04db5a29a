"""Write the first page of the report: what was found, Table 1, and what to be careful about."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.claims.ledger import badge
    from memorability.report import pages
    from memorability.report.reading import table_1_for_reading
    from memorability.report.summary import Found, findings, sentences, warnings

    tables = ("table_1", "table_2", "selection", "attributions")
    prediction = ("metrics", "gains", "calibration")
    found = Found(
        correlations=dict(zip(job.params.quantities, job.read_each("correlations"), strict=True)),
        **{name: job.read_if_any(name) for name in tables},
        **{name: job.read_if_any(name, f"prediction_{name}") for name in prediction},
    )
    parts = [
        pages.text_part(badge(job.read("claims"))),
        pages.list_part(findings(found, confidence=job.params.confidence)),
    ]
    if found.table_1 is not None:
        parts += [
            pages.heading_part("Table 1: reconstruction error and memorability"),
            pages.table_part(table_1_for_reading(found.table_1, confidence=job.params.confidence)),
        ]
    careful = [*sentences(job.params.note), *warnings(found)]
    if careful:
        parts += [pages.heading_part("Read with care"), pages.list_part(careful)]
    pages.write_parts(parts, job.output.page, title=f"Results of the study {job.params.study}")
