"""Model the single responses of observers, with the image's error: a table and a page."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.memory_game.response_models import ResponseModelSettings, model_trials
    from memorability.report.pages import write_page
    from memorability.report.readings.responses import effects_of_models, models_for_reading

    models = model_trials(
        job.read("trials"), job.read("per_image"), job.read_settings(ResponseModelSettings)
    )
    job.write("models", models, "response_models")
    write_page(
        effects_of_models(models),
        job.output.page,
        title="Single responses, modelled",
        note=job.params.note,
        more={"Images, observers and delays": models_for_reading(models)},
        empty="No model of single responses: too few images, observers or different answers.",
    )
