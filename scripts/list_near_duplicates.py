"""List the near duplicates with their parts of the split: a table, and a page with pictures."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.data.splits import placed_duplicates
    from memorability.images.store import open_store
    from memorability.report.pages import note_part, table_part, text_part, write_parts
    from memorability.report.readings.duplicates import (
        duplicates_for_reading,
        duplicates_lead,
        picture_part,
        pictured,
    )

    images = job.read("images")
    placed = placed_duplicates(job.read("pairs", "near_duplicate_pairs"), images, job.read("split"))
    job.write("table", placed, "near_duplicates")
    pictures = pictured(placed, job.read("prepared")["image_id"], open_store(job.input.pixels))
    write_parts(
        [
            note_part(job.params.note),
            text_part(duplicates_lead(placed, len(images))),
            table_part(duplicates_for_reading(placed), empty="No two images are nearly equal."),
            *(picture_part(picture, name) for name, picture in pictures),
        ],
        job.output.page,
        title="Nearly equal images",
    )
