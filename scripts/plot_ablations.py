"""Draw how much each ablation changes the scores of a predictor."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.figures.style import save
    from memorability.report.where.ablations import ablations_figure

    tables = [job.read("ablations"), job.read("answers", "ablation_answers")]
    ablations, answers = (table[table["predictor"] == job.wildcards.head] for table in tables)
    figure = ablations_figure(
        ablations, answers, confidence=job.params.confidence, note=job.params.note
    )
    save(figure, job.output.svg, job.output.png)
