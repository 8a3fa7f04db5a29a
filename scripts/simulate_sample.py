"""Cut the sample's crops and let simulated observers play the memory game with them."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.data.sample import make_sample
    from memorability.memory_game.scoring import vigilance_misses
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    scores, trials, planted = make_sample(
        Path(snakemake.output.images),
        images_per_category=settings["images_per_category"],
        observers=settings["observers"],
        seed=settings["seed"],
    )
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    scores.to_csv(snakemake.output.scores, index=False)
    store.write(trials, snakemake.output.trials, "trials", record)
    store.write(vigilance_misses(trials), snakemake.output.observers, "observers", record)
    store.write(planted, snakemake.output.planted, "planted", record)
