"""Write the first page of the report: what was found, Table 1, and what to be careful about."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.labels import with_networks
    from memorability.report.summary import SCHEMAS, Found, write_summary

    params = job.params
    found = with_networks(job.read_each("correlations"))
    correlations = zip(params.quantities, found, strict=True)
    write_summary(
        Found(
            correlations=dict(correlations),
            **{name: job.read_if_any(name, schema) for name, schema in SCHEMAS.items()},
        ),
        job.read("claims"),
        job.output.page,
        study=params.study,
        note=params.note,
        confidence=params.confidence,
    )
