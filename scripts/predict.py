"""Train the predictor: predictions of every image, training history, the predictor itself."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.base.arrays import open_sealed
    from memorability.base.files import atomic
    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.prediction.predicting import chosen_settings, predict_images
    from memorability.prediction.predictors.trained import write_predictor
    from memorability.tables import store
    from memorability.workflow.records import table_record

    trials = store.read_if_any(snakemake.input.search, "prediction_search")
    settings = chosen_settings(snakemake.params.settings, trials)
    make_deterministic(settings["threads"])
    with progress(settings["max_epochs"], "training the predictor") as step:
        trained, predictions, history = predict_images(
            open_sealed(snakemake.input.latents),
            store.read(snakemake.input.images, "images"),
            store.read(snakemake.input.split, "split"),
            settings,
            step,
        )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(predictions, snakemake.output.predictions, "predictions", record)
    store.write(history, snakemake.output.history, "prediction_history", record)
    with atomic(snakemake.output.predictor) as temporary:
        write_predictor(trained, temporary, record)
