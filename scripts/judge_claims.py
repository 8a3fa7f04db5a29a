"""Set every published number beside ours, with a verdict: table, page and badge."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.claims.answers import as_correlations, our_figures
    from memorability.claims.ledger import badge, ledger
    from memorability.claims.published import load_published
    from memorability.report.reading import write_claims

    settings = job.settings
    ours = our_figures(
        [*job.read_each("correlations"), *map(as_correlations, job.read_each("decay"))],
        job.read("images"),
        metrics=job.read_if_any("metrics", "prediction_metrics"),
        predictions=job.read_if_any("predictions"),
        ceiling=job.read_if_any("ceiling"),
        **settings["ours"],
    )
    claims = ledger(ours, claims=load_published(), **settings["ledger"])
    job.write("claims", claims)
    job.write_text("badge", f"{badge(claims)}\n")
    write_claims(claims, job.output.page, note=job.params.note)
