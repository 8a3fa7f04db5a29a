"""Try hyper-parameters of the predictor: the trials of one worker."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from memorability.base.arrays import open_sealed
    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.prediction.search import journal_file, search, share
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings, worker = snakemake.params.settings, int(snakemake.wildcards.worker)
    make_deterministic(settings["threads"])
    count = share(settings["search"]["trials"], settings["search"]["jobs"], worker)
    with progress(count, "searching hyper-parameters") as step:
        trials = search(
            open_sealed(snakemake.input.latents),
            store.read(snakemake.input.split, "split"),
            settings,
            worker=worker,
            journal=journal_file(settings, snakemake.params.code, list(snakemake.input), worker),
            on_trial=step,
        )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    store.write(trials, snakemake.output.trials, "prediction_search", record)
