"""Draw how far two seeds agree on which images are hard to reconstruct, for every loss."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import agreement_of_seeds, selected_values
    from memorability.analysis.gathering import from_errors
    from memorability.report.figures import errors, style

    values = selected_values(from_errors(job.read_runs("errors")), job.read("correlations"))
    figure = errors.seed_agreement(agreement_of_seeds(values), note=job.params.note)
    style.save(figure, job.output.svg, job.output.png)
