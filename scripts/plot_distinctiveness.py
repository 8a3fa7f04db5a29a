"""Draw distinctiveness over memorability bins."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.gathering import from_distinctiveness
    from memorability.report.figures import scores, style
    from memorability.report.table_1 import published_distinctiveness

    values, rows = published_distinctiveness(
        from_distinctiveness(job.read_runs("distinctiveness")), job.read("correlations")
    )
    figure = scores.values_by_memorability(
        values,
        job.read("images"),
        rows,
        target=job.params.target,
        score=job.params.score,
        bins=job.params.bins,
        confidence=job.params.confidence,
        title=style.run_title(rows.assign(loss=job.params.loss)),
        ylabel="distinctiveness",
        note=job.params.note,
    )
    style.save(figure, job.output.svg, job.output.png)
