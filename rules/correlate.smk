"""Fan-in: quantities of every image correlated with memorability, in tables and figures.

REQUIRED: errors and outcomes of all runs; the noise ceiling, where counts are known; label-only baselines;
          distinctiveness, features, predictions, attributions.
MAKES:    <results>/tables/correlations/….parquet, correlations_….tsv, <results>/tables/table_1.*, in_words.html
          <results>/figures/errors/, distinctiveness.*, measures.*, features.*, forest.*
          of several protocols also <results>/tables/protocol_effects.*, <results>/figures/protocol_effects.*
"""


localrules:
    summarise_errors,


rule correlate:
    """Correlate a quantity with memorability: pooled, within categories, and between them."""
    input:
        values=lambda wildcards: QUANTITIES[wildcards.quantity],
        outcomes=lambda wildcards: OUTCOMES if wildcards.quantity in ("error", "matrix") else [],
        images=IMAGES,
        ceiling=[rules.estimate_ceiling.output.ceiling] if study.has_counts else [],
        baselines=rules.measure_baselines.output.baselines,
    output:
        correlations=ensure("<results>/tables/correlations/{quantity}.parquet", non_empty=True),
        tsv="<results>/tables/correlations_{quantity}.tsv",
    log:
        "<logs>/correlate/{quantity}.log",
    benchmark:
        "<benchmarks>/correlate/{quantity}.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem=growing("4GB"),
        runtime=growing(requests.runtime("correlate")),
    params:
        study=study.name,
        settings=study.correlation_settings,
        code=code("correlate"),
    script:
        "../scripts/correlate.py"


rule summarise_errors:
    """Write the study's Table 1: for each loss the best learning rate and its correlation."""
    input:
        correlations=expand(rules.correlate.output.correlations, quantity="error"),
    output:
        tsv="<results>/tables/table_1.tsv",
        page=report(
            "<results>/tables/table_1.html",
            caption="../report/table_1.rst",
            category="2. Reconstruction error",
            labels={"what": "Table 1: losses"},
        ),
    log:
        "<logs>/summarise_errors.log",
    benchmark:
        "<benchmarks>/summarise_errors.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem=growing("1GB"),
        runtime=growing("5m"),
    params:
        seeds_vary=study.seeds_vary,
        note=study.note,
        code=code("summarise_errors"),
    script:
        "../scripts/summarise_errors.py"


rule plot_errors:
    """Draw reconstruction error over memorability bins in each category (Figure 2)."""
    input:
        errors=[study.error_file(run) for run in study.runs],
        correlations=expand(rules.correlate.output.correlations, quantity="error"),
        images=IMAGES,
    output:
        svg=report(
            "<results>/figures/errors/{loss}.svg",
            caption="../report/errors.rst",
            category="2. Reconstruction error",
            labels=lambda wildcards: {
                "what": f"error by memorability: {study.metric(wildcards.loss)}"
            },
        ),
        png="<results>/figures/errors/{loss}.png",
    log:
        "<logs>/plot_errors/{loss}.log",
    benchmark:
        "<benchmarks>/plot_errors/{loss}.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem=growing("2GB"),
        runtime=growing("10m"),
    params:
        target=study.settings["statistics"]["target"],
        bins=study.settings["statistics"]["bins"],
        note=study.note,
        code=code("plot_errors"),
    script:
        "../scripts/plot_errors.py"


rule plot_forest:
    """Draw correlations pooled, within and between categories, and say in words what they mean."""
    input:
        correlations=expand(
            rules.correlate.output.correlations,
            quantity=[
                name for name in ("error", "distinctiveness", "baseline") if name in QUANTITIES
            ],
        ),
    output:
        svg=report(
            "<results>/figures/forest.svg",
            caption="../report/forest.rst",
            category="2. Reconstruction error",
            labels={"what": "within and between categories"},
        ),
        png="<results>/figures/forest.png",
        page=report(
            "<results>/tables/in_words.html",
            caption="../report/in_words.rst",
            category="2. Reconstruction error",
            labels={"what": "correlations in plain words"},
        ),
    log:
        "<logs>/plot_forest.log",
    benchmark:
        "<benchmarks>/plot_forest.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem=growing("1GB"),
        runtime=growing("5m"),
    params:
        protocol=study.settings["selected"]["protocol"],
        loss=study.settings["selected"]["loss"],
        confidence=study.settings["statistics"]["confidence"],
        note=study.note,
        code=code("plot_forest"),
    script:
        "../scripts/plot_forest.py"


rule plot_distinctiveness:
    """Draw latent distinctiveness over memorability bins in each category (Figure 3)."""
    input:
        distinctiveness=[
            f"<results>/distinctiveness/{run.path}/part.parquet" for run in study.selected
        ],
        correlations=expand(rules.correlate.output.correlations, quantity="distinctiveness"),
        images=IMAGES,
    output:
        svg=report(
            "<results>/figures/distinctiveness.svg",
            caption="../report/distinctiveness.rst",
            category="3. Distinctiveness",
            labels={"what": "distinctiveness by memorability"},
        ),
        png="<results>/figures/distinctiveness.png",
    log:
        "<logs>/plot_distinctiveness.log",
    benchmark:
        "<benchmarks>/plot_distinctiveness.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem=growing("2GB"),
        runtime=growing("5m"),
    params:
        target=study.settings["statistics"]["target"],
        bins=study.settings["statistics"]["bins"],
        # Of latents made elsewhere their name: the rule is used for them, too.
        loss=lambda wildcards: wildcards.get("loss")
        or study.metric(study.settings["selected"]["loss"]),
        note=study.note,
        code=code("plot_distinctiveness"),
    script:
        "../scripts/plot_distinctiveness.py"


rule plot_measures:
    """Draw the correlation of every measure of distinctiveness with memorability."""
    input:
        correlations=expand(rules.correlate.output.correlations, quantity="distinctiveness"),
    output:
        svg=report(
            "<results>/figures/measures.svg",
            caption="../report/measures.rst",
            category="3. Distinctiveness",
            labels={"what": "measures of distinctiveness"},
        ),
        png="<results>/figures/measures.png",
    log:
        "<logs>/plot_measures.log",
    benchmark:
        "<benchmarks>/plot_measures.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem=growing("1GB"),
        runtime=growing("5m"),
    params:
        note=study.note,
        code=code("plot_measures"),
    script:
        "../scripts/plot_measures.py"


rule compare_protocols:
    """Compare the correlations of runs of two protocols, one choice at a time."""
    input:
        errors=[study.error_file(run) for run in study.runs],
        images=IMAGES,
    output:
        effects=ensure("<results>/tables/protocol_effects.parquet", non_empty=True),
        tsv="<results>/tables/protocol_effects.tsv",
        page=report(
            "<results>/tables/protocol_effects.html",
            caption="../report/protocol_effects.rst",
            category="2. Reconstruction error",
            labels={"what": "protocols compared"},
        ),
    log:
        "<logs>/compare_protocols.log",
    benchmark:
        "<benchmarks>/compare_protocols.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem=growing("4GB"),
        runtime=growing(requests.runtime("compare_protocols")),
    params:
        study=study.name,
        settings=study.correlation_settings,
        protocols={name: protocol.choices() for name, protocol in study.protocols.items()},
        note=study.note,
        code=code("compare_protocols"),
    script:
        "../scripts/compare_protocols.py"


rule plot_protocol_effects:
    """Draw how far each choice of a protocol moves the correlation of error with memorability."""
    input:
        effects=rules.compare_protocols.output.effects,
    output:
        svg=report(
            "<results>/figures/protocol_effects.svg",
            caption="../report/protocol_effects.rst",
            category="2. Reconstruction error",
            labels={"what": "what a choice of the protocol moves"},
        ),
        png="<results>/figures/protocol_effects.png",
    log:
        "<logs>/plot_protocol_effects.log",
    benchmark:
        "<benchmarks>/plot_protocol_effects.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem=growing("1GB"),
        runtime=growing("5m"),
    params:
        learning_rate=study.settings["selected"]["learning_rate"],
        note=study.note,
        code=code("plot_protocol_effects"),
    script:
        "../scripts/plot_protocol_effects.py"
