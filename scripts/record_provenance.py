"""Record what made the results: configuration, versions, hardware, weights."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.pages import write_page
    from memorability.report.provenance import provenance_rows
    from memorability.workflow.records import study_record

    record = study_record(job.settings, job.input.records, job.input.tables)
    job.write_json("record", record)
    write_page(
        provenance_rows(
            record["runs"],
            record["configuration"],
            record["tables"],
            record["environment"],
            record["workflow"],
        ),
        job.output.page,
        title="Where these results come from",
        note=job.params.note,
    )
