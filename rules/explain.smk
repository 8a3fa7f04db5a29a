"""Which pixels move the predicted memorability.

REQUIRED: the analysed model, the predictor, prepared images.
MAKES:    <results>/tables/attributions.parquet, <results>/attributions/maps.npy
          <results>/tables/attribution_variants.parquet, attribution_similarity.parquet,
          attribution_curves.parquet, attribution_checks.*
          <results>/figures/attributions.*, attribution_baselines.*, attribution_weights.*,
          attribution_deletion.*
"""


rule attribute:
    """Attribute the predicted memorability of test images to their pixels (Integrated Gradients)."""
    input:
        images=ANALYSED_IMAGES,
        pixels=ANALYSED_PIXELS,
        predictions=rules.predict.output.predictions,
        predictor=rules.predict.output.predictor,
        model=ANALYSED_MODEL,
    output:
        **tabled("attributions", "attributions"),
        maps=ensure("<results>/attributions/maps.npy", non_empty=True),
    log:
        "<logs>/attribute.log",
    benchmark:
        "<benchmarks>/attribute.jsonl"
    conda:
        "../envs/training.yaml"
    threads: job_settings.threads(study)
    resources:
        **asking(
            requests.analysis_memory,
            requests.runtime("attribute"),
            gpu=requests.gpus,
        ),
    params:
        study=study.name,
        settings=job_settings.attribution(study),
        code=code("attribute"),
    script:
        "../scripts/attribute.py"


rule plot_attributions:
    """Draw photographs of each category in ascending memorability with their attributions (Figure 4)."""
    input:
        images=ANALYSED_IMAGES,
        pixels=ANALYSED_PIXELS,
        attributions=rules.attribute.output.attributions,
        maps=rules.attribute.output.maps,
    output:
        **drawn("attributions"),
    log:
        "<logs>/plot_attributions.log",
    benchmark:
        "<benchmarks>/plot_attributions.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", "10m"),
    params:
        # Not as it stands: Snakemake would take a brace in a name for a placeholder.
        show=lambda _: study.settings["attribution"]["show"],
        note=notes.study_note(study),
        code=code("plot_attributions"),
    script:
        "../scripts/plot_attributions.py"


rule check_attributions:
    """Attribute some images anew from other baselines and with random weights, and delete and insert pixels."""
    input:
        images=ANALYSED_IMAGES,
        pixels=ANALYSED_PIXELS,
        predictions=rules.predict.output.predictions,
        predictor=rules.predict.output.predictor,
        model=ANALYSED_MODEL,
        attributions=rules.attribute.output.attributions,
        maps=rules.attribute.output.maps,
    output:
        **tabled("attribution_variants", "variants"),
        **tabled("attribution_similarity", "similarity"),
        **tabled("attribution_curves", "curves"),
    log:
        "<logs>/check_attributions.log",
    benchmark:
        "<benchmarks>/check_attributions.jsonl"
    conda:
        "../envs/training.yaml"
    threads: job_settings.threads(study)
    resources:
        **asking(
            requests.checks_memory,
            requests.runtime("check_attributions"),
            gpu=requests.gpus,
        ),
    params:
        study=study.name,
        settings=job_settings.attribution_checks(study),
        code=code("check_attributions"),
    script:
        "../scripts/check_attributions.py"


rule plot_attribution_checks:
    """Say and draw what the checks of attributions show."""
    input:
        attributions=rules.attribute.output.attributions,
        variants=rules.check_attributions.output.variants,
        similarity=rules.check_attributions.output.similarity,
        curves=rules.check_attributions.output.curves,
    output:
        **drawn("attribution_baselines", prefix="baselines_"),
        **drawn("attribution_weights", prefix="weights_"),
        **drawn("attribution_deletion", prefix="deletion_"),
        **tabled("attribution_checks", "checks"),
    log:
        "<logs>/plot_attribution_checks.log",
    benchmark:
        "<benchmarks>/plot_attribution_checks.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "10m"),
    params:
        study=study.name,
        settings=job_settings.bootstrap(study),
        note=notes.study_note(study),
        code=code("plot_attribution_checks"),
    script:
        "../scripts/plot_attribution_checks.py"


ANALYSIS += [rules.plot_attribution_checks.output]
ALL += [rules.plot_attributions.output]
