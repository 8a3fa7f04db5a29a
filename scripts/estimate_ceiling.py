"""Estimate the noise ceiling of the scores from counts: a table and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.memory_game.ceiling import CeilingSettings, noise_ceiling
    from memorability.report.pages import write_page
    from memorability.report.reading import ceiling_for_reading

    ceiling = noise_ceiling(
        job.read("images"), bootstrap=job.read_settings(CeilingSettings).bootstrap
    )
    job.write("ceiling", ceiling)
    write_page(
        ceiling_for_reading(ceiling, "pooled"),
        job.output.page,
        title="How high a correlation with these scores could be",
        note=job.params.note,
        folded={"Within each category": ceiling_for_reading(ceiling, "within")},
        empty="No image has two responses or more, so that halves of them cannot be compared.",
    )
