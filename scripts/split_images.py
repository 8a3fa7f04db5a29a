"""Split the images into training, validation and test."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.data.splits import SplitSettings, scored_split

    images = job.read("images")
    official = job.read_if_any("official_splits")
    pairs = job.read_if_any("near_duplicates", "near_duplicate_pairs")
    split = scored_split(images, job.read_settings(SplitSettings), official, pairs)
    job.write("split", split)
