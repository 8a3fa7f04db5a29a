"""Write Table 2: features beside memorability and attributions; tables and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import correlate_attributions
    from memorability.analysis.gathering import share_converged
    from memorability.claims.published import load_published
    from memorability.report.table_2 import Table2Settings, table_2, write_table_2

    settings = job.read_settings(Table2Settings)
    attributions = job.read("attributions")
    attributed = correlate_attributions(
        job.read_runs("features"), attributions, job.read("images"), settings.bootstrap
    )
    job.write("attributed", attributed, "correlations")
    found = [job.read("correlations"), attributed]
    converged = share_converged(attributions)
    table = table_2(found, load_published(), settings.unavailable, converged=converged)
    job.write("table", table, "table_2")
    write_table_2(
        table,
        job.output.page,
        converged=converged,
        confidence=settings.bootstrap.confidence,
        note=job.params.note,
    )
