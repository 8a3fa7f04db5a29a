"""Write what is left of correlations once each control is known: a table and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import CorrelationSettings, beside_controls
    from memorability.analysis.gathering import from_controls, from_errors
    from memorability.report.pages import write_page
    from memorability.report.table_1 import given_controls_for_reading

    settings = job.read_settings(CorrelationSettings)
    table = beside_controls(
        from_errors(job.read_runs("errors")),
        job.read("correlations"),
        from_controls(job.read("controls")),
        job.read("images"),
        protocol=job.params.protocol,
        target=settings.target,
        bootstrap=settings.bootstrap,
    )
    job.write("given", table, "given_controls")
    write_page(
        given_controls_for_reading(table),
        job.output.page,
        title="What is left of a correlation once a control is known",
        note=job.params.note,
        empty="No model is left: all runs of the analysed protocol diverged.",
    )
