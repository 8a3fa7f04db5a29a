"""Print what a study will take, before it runs."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.base.seeding import make_deterministic
    from memorability.study.resolve import resolve
    from memorability.workflow.estimate import estimate
    from memorability.workflow.fingerprint import PACKAGE
    from memorability.workflow.planned_jobs import planned_jobs

    study = resolve(job.config, PACKAGE.parent)
    make_deterministic(study.settings["compute"]["threads"])
    print(estimate(study, planned_jobs(job.params.dry_run)))
