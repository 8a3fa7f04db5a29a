"""Say which units go with memorability."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.where.units import write_units

    write_units(job.read("units"), job.params.predictors, job.output.page, note=job.params.note)
