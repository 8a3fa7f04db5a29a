"""Compare memorability with attributes of images, and between their sources."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    import pandas as pd

    from memorability.attributes.comparing import AttributeSettings, compare_attributes
    from memorability.report.attributes.tables import write_attributes, write_sources

    attributes = pd.concat(job.read_each("values", "image_attributes"), ignore_index=True)
    compared = compare_attributes(
        attributes, job.read("images"), job.read_settings(AttributeSettings)
    )
    job.write("attributes", compared.attributes)
    job.write("quartiles", compared.quartiles, "attribute_quartiles")
    job.write("sources", compared.sources)
    job.write("tests", compared.tests, "source_tests")
    note = job.params.note
    write_attributes(compared.attributes, compared.quartiles, job.output.page, note=note)
    write_sources(compared.sources, compared.tests, job.output.sources_page, note=note)
