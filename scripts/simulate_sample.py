"""Cut the sample's crops and let simulated observers play the memory game with them."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from pathlib import Path

    from memorability.data.sample import make_sample
    from memorability.memory_game.scoring import vigilance_misses

    sample = make_sample(Path(job.output.images), **job.settings)
    job.write_text("scores", sample.scores.to_csv(index=False))
    job.write_text("attributes", sample.attributes.to_csv(index=False))
    job.write("split", sample.split, "official_splits")
    job.write("trials", sample.trials)
    job.write("observers", vigilance_misses(sample.trials))
    job.write("planted", sample.planted)
