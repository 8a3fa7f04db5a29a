"""Write how far each choice of a protocol moves the correlation: a table and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import CorrelationSettings
    from memorability.analysis.gathering import from_errors
    from memorability.analysis.protocol_effects import protocol_effects
    from memorability.report.pages import write_page
    from memorability.report.reading import effects_for_reading

    settings = job.read_settings(CorrelationSettings)
    table = protocol_effects(
        from_errors(job.read_runs("errors")),
        job.read("images"),
        job.params.protocols,
        target=settings.target,
        bootstrap=settings.bootstrap,
    )
    job.write("effects", table, "protocol_effects")
    write_page(
        effects_for_reading(table),
        job.output.page,
        title="Protocols compared: what a choice moves",
        note=job.params.note,
    )
