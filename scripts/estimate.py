"""Print what a study will take, before it runs."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.configuration import resolve
    from memorability.estimate import estimate
    from memorability.fingerprint import PACKAGE
    from memorability.planned_jobs import planned_jobs
    from memorability.seeding import make_deterministic

    study = resolve(snakemake.config, PACKAGE.parent)
    make_deterministic(study.settings["compute"]["threads"])
    print(estimate(study, planned_jobs(snakemake.params.dry_run)))
