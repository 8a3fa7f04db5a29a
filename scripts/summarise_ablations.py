"""Say how much each ablation changes scores, beside its controls, and what predictors lean on."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.where.ablations import write_ablations
    from memorability.where.ablation_summary import SummarySettings, summarise

    settings = job.read_settings(SummarySettings)
    scores = job.read("scores", "ablation_scores")
    tables = summarise(scores, job.read("images"), settings=settings)
    job.write("ablations", tables.ablations)
    job.write("answers", tables.answers, "ablation_answers")
    write_ablations(tables.ablations, tables.answers, job.output.page, note=job.params.note)
