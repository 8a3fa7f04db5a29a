"""Make a score table of single trials that the user gave."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.data.trials import read_trials, score_trials
    from memorability.memory_game.scoring import vigilance_misses

    trials, images = read_trials(Path(job.input.trials), **job.settings)
    job.write_text("scores", score_trials(trials, images).to_csv(index=False))
    job.write("trials", trials)
    job.write("observers", vigilance_misses(trials))
