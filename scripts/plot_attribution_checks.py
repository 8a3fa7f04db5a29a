"""Summarise the checks of attributions and draw each."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.explanation.check_summary import summarise_checks
    from memorability.report.figures import attribution, style
    from memorability.statistics.intervals import Bootstrap

    output, note = job.output, job.params.note
    bootstrap = Bootstrap(**job.params.settings)
    attributions, curves = job.read("attributions"), job.read("curves", "attribution_curves")
    variants = job.read("variants", "attribution_variants")
    similarity = job.read("similarity", "attribution_similarity")
    checks = summarise_checks(attributions, variants, similarity, curves, bootstrap)
    job.write("checks", checks, "attribution_checks")
    shared = {"confidence": bootstrap.confidence, "note": note}
    explained = [attributions, variants]
    baselines = attribution.agreement(checks, "baseline", explained, **shared)
    style.save(baselines, output.baselines_svg, output.baselines_png)
    weights = attribution.agreement(checks, "weights", explained, **shared)
    style.save(weights, output.weights_svg, output.weights_png)
    drawn = attribution.deletion_insertion(curves, checks, attributions, bootstrap, note=note)
    style.save(drawn, output.deletion_svg, output.deletion_png)
