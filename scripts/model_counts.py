"""Model the counts of every image, with its error: two tables and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.memory_game.response_models import ResponseModelSettings, model_counts
    from memorability.report.pages import write_page
    from memorability.report.readings.responses import effects_of_models, models_for_reading

    models, rates = model_counts(job.read("per_image"), job.read_settings(ResponseModelSettings))
    job.write("models", models, "response_models")
    job.write("rates", rates, "modelled_rates")
    write_page(
        effects_of_models(models),
        job.output.page,
        title="Counts of hits and false alarms, modelled",
        note=job.params.note,
        more={"How rates vary between images": models_for_reading(models)},
        empty="No model of counts: too few images have counts, or they have no groups to tell apart.",
    )
