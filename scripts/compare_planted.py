"""Set every effect planted in the sample beside what the study recovers: a table and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.data.sample import planted_effects
    from memorability.report.pages import write_page
    from memorability.report.readings.planted import planted_for_reading, planted_in_words

    tables = [job.read(name) for name in ("planted", "images", "trials", "ceiling")]
    effects = planted_effects(*tables, **job.settings)
    job.write("effects", effects, "planted_effects")
    write_page(
        planted_for_reading(effects),
        job.output.page,
        title="What was planted in the sample, and what the study found",
        note=job.params.note,
        lead=planted_in_words(effects, **job.settings),
    )
