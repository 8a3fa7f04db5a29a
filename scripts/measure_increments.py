"""Say what each quantity adds to labels, to low-level controls and to predictors made elsewhere."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    import pandas as pd

    from memorability.analysis.correlations import CorrelationSettings
    from memorability.analysis.gathering import SOURCES
    from memorability.analysis.incremental import incremental
    from memorability.report.sentences.increments import write_increments

    settings = job.read_settings(CorrelationSettings)
    values = [
        SOURCES[quantity][1](job.read_runs(quantity, SOURCES[quantity][0]))
        for quantity in job.params.quantities
    ]
    table = incremental(
        job.read("images"),
        pd.concat(values, ignore_index=True),
        job.read_runs("outcomes"),
        controls=job.read_runs("controls"),
        features=job.read_runs("features"),
        predictions=job.read_runs("predictions", "head_predictions"),
        target=settings.target,
        bootstrap=settings.bootstrap,
    )
    job.write("table", table, "incremental")
    confidence = settings.bootstrap.confidence
    write_increments(table, job.output.page, confidence=confidence, note=job.params.note)
