"""Join a table of attributes with the images."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.attributes.reading import AttributeTable, read_attributes

    attributes = read_attributes(
        job.input.table,
        job.read_settings(AttributeTable),
        job.read("images"),
        name=job.wildcards.table,
    )
    job.write("attributes", attributes, "image_attributes")
