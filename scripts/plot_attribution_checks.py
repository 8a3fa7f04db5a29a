"""Summarise the checks of attributions and draw each."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.explanation.check_summary import summarise_checks
    from memorability.report.figures import attribution, style
    from memorability.statistics.intervals import Bootstrap

    given, output, params = job.input, job.output, job.params
    bootstrap = Bootstrap(**params.settings)
    curves = job.read("curves", "attribution_curves")
    checks = summarise_checks(
        job.read("attributions"),
        job.read("variants", "attribution_variants"),
        job.read("similarity", "attribution_similarity"),
        curves,
        bootstrap,
    )
    job.write("checks", checks, "attribution_checks")
    baselines = attribution.agreement(checks, "baseline", note=params.note)
    style.save(baselines, output.baselines_svg, output.baselines_png)
    weights = attribution.agreement(checks, "weights", note=params.note)
    style.save(weights, output.weights_svg, output.weights_png)
    drawn = attribution.deletion_insertion(curves, checks, bootstrap, note=params.note)
    style.save(drawn, output.deletion_svg, output.deletion_png)
