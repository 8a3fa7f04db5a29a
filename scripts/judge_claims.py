"""Set every published number beside ours, with a verdict: table, page and badge."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.analysis.correlations import CorrelationSettings
    from memorability.analysis.feature_model import correlate_tested
    from memorability.analysis.gathering import share_converged
    from memorability.base.settings import from_params
    from memorability.claims.answers import as_correlations, our_figures
    from memorability.claims.counting import badge
    from memorability.claims.ledger import ledger
    from memorability.claims.published import load_published
    from memorability.report.reading import write_claims

    settings = job.settings
    images, predictions = job.read("images"), job.read_if_any("predictions")
    how = from_params(CorrelationSettings, settings["correlation"])
    ours = our_figures(
        [*job.read_each("correlations"), *map(as_correlations, job.read_each("decay"))],
        images,
        tested=correlate_tested(job.read_runs("features"), images, predictions, how),
        share_converged=share_converged(job.read_if_any("attributions")),
        metrics=job.read_if_any("metrics", "prediction_metrics"),
        predictions=predictions,
        ceiling=job.read_if_any("ceiling"),
        test_sets=job.read_if_any("test_sets"),
        **settings["ours"],
    )
    claims = ledger(ours, claims=load_published(), **settings["ledger"])
    job.write("claims", claims)
    job.write_text("badge", f"{badge(claims)}\n")
    write_claims(claims, job.output.page, note=job.params.note)
