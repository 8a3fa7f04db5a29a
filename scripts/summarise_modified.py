"""Say whether predicted scores of drawings have the predicted order."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.where.modified import write_modified
    from memorability.where.modified.summary import ModifiedSettings, summarise_versions

    modified = summarise_versions(
        job.read("scores", "modified_scores"),
        job.read("images"),
        job.read_settings(ModifiedSettings),
        made_by=job.params.made_by,
    )
    job.write("versions", modified.versions, "modified_versions")
    job.write("tests", modified.tests, "modified_tests")
    write_modified(modified.versions, modified.tests, job.output.page, note=job.params.note)
