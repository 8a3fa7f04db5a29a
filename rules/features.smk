"""Image features and their correlation with memorability.

REQUIRED: prepared images.
MAKES:    <results>/tables/features.parquet, <results>/figures/features.*
"""


rule measure_features:
    """Measure colour, texture and clutter of every image."""
    input:
        images=IMAGES,
        pixels=PIXELS,
    output:
        features=ensure("<results>/tables/features.parquet", non_empty=True),
    log:
        "<logs>/measure_features.log",
    benchmark:
        "<benchmarks>/measure_features.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem="2GB",
        runtime="2h",
    params:
        study=study.name,
        code=fingerprint("features"),
    script:
        "../scripts/measure_features.py"


rule measure_objects:
    """Measure objects, their separation and classes in the images of one shard."""
    input:
        images=IMAGES,
        pixels=PIXELS,
        weights=study.object_weights,
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
        mem="6GB",
        runtime="12h",
        gpu=study.gpus,
    params:
        study=study.name,
        settings=study.object_settings,
        code=fingerprint("features.networks"),
    script:
        "../scripts/measure_objects.py"


rule plot_features:
    """Draw the correlation of every feature with memorability (Table 2, memorability scores)."""
    input:
        correlations=expand(rules.correlate.output.correlations, quantity="feature"),
    output:
        svg=report(
            "<results>/figures/features.svg",
            caption="../report/features.rst",
            category="6. Image features",
            labels={"what": "features and memorability"},
        ),
        png="<results>/figures/features.png",
    log:
        "<logs>/plot_features.log",
    benchmark:
        "<benchmarks>/plot_features.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem="1GB",
        runtime="5m",
    params:
        note=study.note,
        code=fingerprint("figures"),
    script:
        "../scripts/plot_features.py"
