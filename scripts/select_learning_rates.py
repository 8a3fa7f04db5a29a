"""Choose learning rates by the published and by honest rules: three tables and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.gathering import from_errors
    from memorability.analysis.selection import select_learning_rates
    from memorability.report.pages import write_page
    from memorability.report.reading import honest_choices_for_reading, selection_for_reading

    found = select_learning_rates(
        from_errors(job.read_runs("errors")),
        job.read("images"),
        **job.settings,
    )
    job.write("selection", found.selection)
    job.write("choices", found.choices, "selection_choices")
    job.write("seeds", found.seeds, "selection_seeds")
    write_page(
        selection_for_reading(found.selection),
        job.output.page,
        title="How much of each correlation comes from choosing the learning rate",
        note=job.params.note,
        more={
            f"Chosen on halves of the {rule}": honest_choices_for_reading(found.selection, rule)
            for rule in ("images", "observers")
        },
    )
