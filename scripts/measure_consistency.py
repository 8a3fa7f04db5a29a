"""Measure from single trials how well halves of the observers agree: a table and a TSV file."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.memory_game.consistency import measure_consistency

    table = measure_consistency(job.read("trials"), seed=job.settings["seed"])
    job.write("consistency", table)
