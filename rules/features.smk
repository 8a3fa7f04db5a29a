"""Image features, their correlation with memorability and with attributions, and a model of all.

REQUIRED: prepared images; attributions; where object features are measured, the weights of three networks.
MAKES:    <results>/tables/features.parquet, <results>/object_features/…
          <results>/tables/table_2.*, feature_attributions.parquet, feature_model_*, feature_importance.*
          <results>/figures/features.*, feature_variants.*, feature_map.*, feature_importance.*
"""


rule measure_features:
    """Measure colour, texture and clutter of every image."""
    input:
        images=PREPARED,
        pixels=PIXELS,
    output:
        **tabled("features", "features"),
    log:
        "<logs>/measure_features.log",
    benchmark:
        "<benchmarks>/measure_features.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        **asking("2GB", requests.runtime("measure_features")),
    params:
        study=study.name,
        code=code("measure_features"),
    script:
        "../scripts/measure_features.py"


rule measure_objects:
    """Measure objects, their separation and classes in the images of one shard."""
    input:
        images=PREPARED,
        pixels=PIXELS,
        weights=each_given(paths.object_weights(study)),
    output:
        features=ensure("<results>/object_features/shard={shard}/part.parquet", non_empty=True),
    log:
        "<logs>/measure_objects/{shard}.log",
    benchmark:
        "<benchmarks>/measure_objects/{shard}.jsonl"
    wildcard_constraints:
        shard="[0-9]+",
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("6GB", requests.runtime("measure_objects"), gpu=requests.gpus),
    params:
        study=study.name,
        settings=job_settings.objects(study),
        content=lambda _: each_content(paths.object_weights(study)),
        code=code("measure_objects"),
    script:
        "../scripts/measure_objects.py"


rule model_features:
    """Predict memorability from all features together, and say how much the model uses each."""
    input:
        features=FEATURES,
        images=IMAGES,
        split=paths.split_file(study),
    output:
        **tabled("feature_model_metrics", "metrics"),
        **tabled("feature_model_gains", "gains"),
        **tabled("feature_importance", "importance"),
        page=page("feature_importance"),
    log:
        "<logs>/model_features.log",
    benchmark:
        "<benchmarks>/model_features.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("4GB", requests.runtime("model_features")),
    params:
        study=study.name,
        settings=job_settings.bootstrap(study),
        note=notes.study_note(study),
        code=code("model_features"),
    script:
        "../scripts/model_features.py"


rule summarise_features:
    """Write Table 2: correlations of every feature with memorability and with attributions."""
    input:
        features=FEATURES,
        attributions="<results>/tables/attributions.parquet",
        images=ANALYSED_IMAGES,
        correlations=expand(rules.correlate.output.correlations, quantity="feature"),
    output:
        **tabled("feature_attributions", "attributed"),
        **tabled("table_2"),
        page=page("table_2"),
    log:
        "<logs>/summarise_features.log",
    benchmark:
        "<benchmarks>/summarise_features.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("4GB", requests.runtime("summarise_features")),
    params:
        study=study.name,
        settings=job_settings.table_2(study),
        note=notes.feature_note(study),
        code=code("summarise_features"),
    script:
        "../scripts/summarise_features.py"


rule plot_features:
    """Draw Table 2, other readings of features, how they go together, and how much each is used."""
    input:
        table=rules.summarise_features.output.table,
        readings=expand(rules.correlate.output.correlations, quantity=["feature", "variant"]),
        features=FEATURES,
        importance=rules.model_features.output.importance,
        metrics=rules.model_features.output.metrics,
    output:
        **drawn("features"),
        **drawn("feature_variants", prefix="variants_"),
        **drawn("feature_map", prefix="map_"),
        **drawn("feature_importance", prefix="importance_"),
    log:
        "<logs>/plot_features.log",
    benchmark:
        "<benchmarks>/plot_features.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        compared=notes.published_images(study),
        confidence=CONFIDENCE,
        note=notes.study_note(study),
        table_note=notes.feature_note(study),
        code=code("plot_features"),
    script:
        "../scripts/plot_features.py"


ANALYSIS += [rules.summarise_features.output, rules.plot_features.output]
