"""Print what a study will take, before it runs."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.base.seeding import make_deterministic
    from memorability.study.resolve import resolve
    from memorability.workflow.estimate import estimate
    from memorability.workflow.fingerprint import PACKAGE
    from memorability.workflow.planned_jobs import planned_jobs

    study = resolve(snakemake.config, PACKAGE.parent)
    make_deterministic(study.settings["compute"]["threads"])
    print(estimate(study, planned_jobs(snakemake.params.dry_run)))
