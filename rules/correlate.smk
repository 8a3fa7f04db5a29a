"""Fan-in: quantities of every image correlated with memorability, in tables and figures.

REQUIRED: errors and outcomes of all runs; the noise ceiling, where counts are known; label-only baselines;
          distinctiveness, features, predictions, attributions.
MAKES:    <results>/tables/correlations/….parquet, correlations_….tsv, table_1.*, in_words.html
          <results>/figures/errors/, error_scatter/, distinctiveness.*, measures.*, features.*, forest.*
          of several protocols also <results>/tables/protocol_effects.*, <results>/figures/protocol_effects.*
"""


rule correlate:
    """Correlate a quantity with memorability: pooled, within categories, and between them."""
    input:
        values=lambda wildcards: QUANTITIES[wildcards.quantity],
        outcomes=lambda wildcards: OUTCOMES if wildcards.quantity in ("error", "matrix") else [],
        images=IMAGES,
        ceiling=[rules.estimate_ceiling.output.ceiling] if study.has_counts else [],
        baselines=rules.measure_baselines.output.baselines,
    output:
        **tabled("correlations/{quantity}", "correlations"),
    log:
        "<logs>/correlate/{quantity}.log",
    benchmark:
        "<benchmarks>/correlate/{quantity}.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("4GB", requests.runtime("correlate")),
    params:
        study=study.name,
        settings=job_settings.correlation(study),
        code=code("correlate"),
    script:
        "../scripts/correlate.py"


rule summarise_errors:
    """Write the study's Table 1: for each loss the best learning rate and its correlation."""
    input:
        correlations=expand(rules.correlate.output.correlations, quantity="error"),
    output:
        **tabled("table_1"),
        page=page("table_1"),
    log:
        "<logs>/summarise_errors.log",
    benchmark:
        "<benchmarks>/summarise_errors.jsonl"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        study=study.name,
        seeds_vary=notes.seeds_vary(study),
        confidence=study.settings["statistics"]["confidence"],
        note=notes.study_note(study),
        code=code("summarise_errors"),
    script:
        "../scripts/summarise_errors.py"


rule plot_errors:
    """Draw reconstruction error over memorability: bins in each category (Figure 2), and every image."""
    input:
        errors=[paths.error_file(study, run) for run in study.runs],
        correlations=expand(rules.correlate.output.correlations, quantity="error"),
        images=IMAGES,
    output:
        **drawn(
            "errors/{loss}",
            front=lambda wildcards: wildcards.loss == study.settings["selected"]["loss"],
            detail=lambda wildcards: metric_label_of(wildcards.loss),
        ),
        **drawn(
            "error_scatter/{loss}",
            prefix="scatter_",
            detail=lambda wildcards: metric_label_of(wildcards.loss),
        ),
    log:
        "<logs>/plot_errors/{loss}.log",
    benchmark:
        "<benchmarks>/plot_errors/{loss}.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", "10m"),
    params:
        target=study.settings["statistics"]["target"],
        score=SCORE,
        bins=study.settings["statistics"]["bins"],
        confidence=CONFIDENCE,
        note=notes.study_note(study),
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
        **drawn("forest"),
        page=page("in_words"),
    log:
        "<logs>/plot_forest.log",
    benchmark:
        "<benchmarks>/plot_forest.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        protocol=study.settings["selected"]["protocol"],
        loss=study.settings["selected"]["loss"],
        confidence=CONFIDENCE,
        note=notes.study_note(study),
        code=code("plot_forest"),
    script:
        "../scripts/plot_forest.py"


rule plot_distinctiveness:
    """Draw latent distinctiveness over memorability bins in each category (Figure 3)."""
    input:
        distinctiveness=[paths.distinctiveness_file(study, run) for run in study.selected],
        correlations=expand(rules.correlate.output.correlations, quantity="distinctiveness"),
        images=IMAGES,
    output:
        **drawn("distinctiveness"),
    log:
        "<logs>/plot_distinctiveness.log",
    benchmark:
        "<benchmarks>/plot_distinctiveness.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", "5m"),
    params:
        target=study.settings["statistics"]["target"],
        score=SCORE,
        bins=study.settings["statistics"]["bins"],
        confidence=CONFIDENCE,
        # Of latents made elsewhere their name: the rule is used for them, too.
        loss=lambda wildcards: wildcards.get("loss")
        or metric_label_of(study.settings["selected"]["loss"]),
        note=notes.study_note(study),
        code=code("plot_distinctiveness"),
    script:
        "../scripts/plot_distinctiveness.py"


rule plot_measures:
    """Draw the correlation of every measure of distinctiveness with memorability."""
    input:
        correlations=expand(rules.correlate.output.correlations, quantity="distinctiveness"),
    output:
        **drawn("measures"),
    log:
        "<logs>/plot_measures.log",
    benchmark:
        "<benchmarks>/plot_measures.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        confidence=CONFIDENCE,
        note=notes.study_note(study),
        code=code("plot_measures"),
    script:
        "../scripts/plot_measures.py"


rule compare_protocols:
    """Compare the correlations of runs of two protocols, one choice at a time."""
    input:
        errors=[paths.error_file(study, run) for run in study.runs],
        images=IMAGES,
    output:
        **tabled("protocol_effects", "effects"),
        page=page("protocol_effects"),
    log:
        "<logs>/compare_protocols.log",
    benchmark:
        "<benchmarks>/compare_protocols.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("4GB", requests.runtime("compare_protocols")),
    params:
        study=study.name,
        settings=job_settings.correlation(study),
        protocols={name: protocol.choices() for name, protocol in study.protocols.items()},
        note=notes.study_note(study),
        code=code("compare_protocols"),
    script:
        "../scripts/compare_protocols.py"


rule plot_protocol_effects:
    """Draw how far each choice of a protocol moves the correlation of error with memorability."""
    input:
        effects=rules.compare_protocols.output.effects,
    output:
        **drawn("protocol_effects"),
    log:
        "<logs>/plot_protocol_effects.log",
    benchmark:
        "<benchmarks>/plot_protocol_effects.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        learning_rate=study.settings["selected"]["learning_rate"],
        confidence=CONFIDENCE,
        note=notes.study_note(study),
        code=code("plot_protocol_effects"),
    script:
        "../scripts/plot_protocol_effects.py"


ANALYSIS += [
    expand(rules.correlate.output, quantity=QUANTITIES),
    rules.summarise_errors.output if "error" in QUANTITIES else [],
    rules.plot_forest.output if MEASURED else [],
]
if study.runs:
    ANALYSIS += [
        expand(rules.plot_errors.output, loss=study.settings["losses"]),
        rules.plot_distinctiveness.output,
        rules.plot_measures.output,
    ]
if len(study.protocols) > 1:
    ANALYSIS += [rules.compare_protocols.output, rules.plot_protocol_effects.output]
