"""Join a table of attributes with the images."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.attributes.reading import AttributeTable, read_attributes

    files = job.input.table
    file = files if isinstance(files, str) else next(iter(files), None)
    attributes = read_attributes(
        Path(file) if file else None,
        job.read_settings(AttributeTable),
        job.read("images"),
        name=job.wildcards.table,
    )
    job.write("attributes", attributes, "image_attributes")
