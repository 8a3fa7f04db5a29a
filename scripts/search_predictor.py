"""Try hyper-parameters of the predictor: the trials of one worker."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.base.arrays import open_sealed
    from memorability.base.job_log import progress
    from memorability.base.seeding import make_deterministic
    from memorability.prediction.search import SearchSettings, journal_file, search, share

    settings, worker = job.read_settings(SearchSettings), int(job.wildcards.worker)
    make_deterministic(settings.threads)
    count = share(settings.search.trials, settings.search.jobs, worker)
    with progress(count, "searching hyper-parameters") as step:
        trials = search(
            open_sealed(job.input.latents),
            job.read("split"),
            settings,
            worker=worker,
            journal=journal_file(settings, job.params.code, list(job.input), worker),
            on_trial=step,
        )
    job.write("trials", trials, "prediction_search")
