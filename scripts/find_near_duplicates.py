"""Find pairs of prepared images that are nearly the same picture, or its mirror image."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.images.near_duplicates import image_hashes, near_duplicates
    from memorability.images.store import open_store

    hashes = image_hashes(open_store(job.input.pixels))
    pairs = near_duplicates(hashes, job.read("images", "prepared")["image_id"])
    job.write("pairs", pairs, "near_duplicate_pairs")
