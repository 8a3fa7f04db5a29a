"""Measure what labels and the original's size alone tell of every image."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.image_baselines import label_baselines
    from memorability.data.splits import with_split

    table = label_baselines(
        with_split(job.read("images"), job.read("split")),
        **job.settings,
    )
    job.write("baselines", table)
