"""Say how far maps of several methods agree, and with maps that know no predictor."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.report.where.maps import write_agreement
    from memorability.where.ablation_summary import SummarySettings
    from memorability.where.map_agreement import agreement

    settings = job.read_settings(SummarySettings)
    maps = job.read("maps", "memorability_maps")
    table = agreement(maps, job.read("images"), bootstrap=settings.bootstrap)
    job.write("agreement", table, "map_agreement")
    write_agreement(table, job.output.page, note=job.params.note)
