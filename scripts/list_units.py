"""Say which units go with memorability, among how many."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.where.units import write_units
    from memorability.statistics.multiplicity import benjamini_hochberg

    units = job.read("correlations", "unit_correlations")
    units["q"] = units.groupby("predictor")["p"].transform(benjamini_hochberg)
    job.write("units", units)
    write_units(units, job.params.predictors, job.output.page, note=job.params.note)
