"""What else ranks images by memorability: other metrics of the same models, and controls of their errors.

REQUIRED: models and errors of all runs; prepared images; image features; weights files where the
          study loads weights.
MAKES:    <results>/matrix/…, <results>/tables/controls.parquet, given_controls.*
          <results>/figures/matrix.*, controls.*
"""


rule measure_matrix:
    """Measure a loss's model of the highest correlation under every metric, image by image."""
    input:
        errors=lambda wildcards: [
            paths.error_file(study, run)
            for run in study.runs_of(wildcards.protocol, wildcards.loss)
        ],
        models=lambda wildcards: [
            paths.model_file(study, run)
            for run in study.runs_of(wildcards.protocol, wildcards.loss)
            if run.seed == int(wildcards.seed)
        ],
        images=lambda wildcards: run_images(wildcards, "images.parquet"),
        pixels=lambda wildcards: run_images(wildcards, "pixels.npy"),
        weights=each_given(paths.metric_weights(study)),
    output:
        errors=ensure(
            "<results>/matrix/protocol={protocol}/loss={loss}/seed={seed}/part.parquet",
            non_empty=True,
        ),
    log:
        "<logs>/measure_matrix/protocol={protocol}/loss={loss}/seed={seed}.log",
    benchmark:
        "<benchmarks>/measure_matrix/protocol={protocol}/loss={loss}/seed={seed}.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking(
            lambda wildcards, _: requests.training_memory(wildcards.protocol),
            requests.runtime("measure_matrix"),
            gpu=requests.gpus,
        ),
    params:
        study=study.name,
        settings=lambda wildcards: job_settings.matrix(study, wildcards.protocol),
        content=lambda _: each_content(paths.metric_weights(study)),
        code=code("measure_matrix"),
    script:
        "../scripts/measure_matrix.py"


rule plot_matrix:
    """Draw the correlation of every training loss under every metric."""
    input:
        correlations=expand(rules.correlate.output.correlations, quantity="matrix"),
    output:
        **drawn("matrix"),
    log:
        "<logs>/plot_matrix.log",
    benchmark:
        "<benchmarks>/plot_matrix.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        confidence=CONFIDENCE,
        note=notes.study_note(study),
        code=code("plot_matrix"),
    script:
        "../scripts/plot_matrix.py"


rule measure_controls:
    """Measure the analysed model before fine-tuning, an untrained one, grey, and complexity of images."""
    input:
        images=ANALYSED_IMAGES,
        pixels=ANALYSED_PIXELS,
        features=rules.measure_features.output.features,
        weights=each_given(paths.control_weights(study)),
        pretrained=paths.pretrained_files(study, ANALYSED.protocol),
        split=paths.run_splits(study, ANALYSED.protocol),
    output:
        **tabled("controls", "controls"),
    log:
        "<logs>/measure_controls.log",
    benchmark:
        "<benchmarks>/measure_controls.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking(
            requests.analysis_memory,
            requests.runtime("measure_controls"),
            gpu=requests.gpus,
        ),
    params:
        study=study.name,
        settings=job_settings.controls(study),
        content=lambda _: each_content(paths.control_weights(study)),
        code=code("measure_controls"),
    script:
        "../scripts/measure_controls.py"


rule compare_controls:
    """Write what is left of the best models' correlations once each control is known."""
    input:
        errors=QUANTITIES["error"],
        correlations=expand(rules.correlate.output.correlations, quantity="error"),
        controls=rules.measure_controls.output.controls,
        images=IMAGES,
    output:
        **tabled("given_controls", "given"),
        page=page("given_controls"),
    log:
        "<logs>/compare_controls.log",
    benchmark:
        "<benchmarks>/compare_controls.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("4GB", requests.runtime("compare_controls")),
    params:
        study=study.name,
        settings=job_settings.correlation(study),
        protocol=study.settings["selected"]["protocol"],
        note=notes.study_note(study),
        code=code("compare_controls"),
    script:
        "../scripts/compare_controls.py"


rule plot_controls:
    """Draw the correlations of the best models beside those of the controls."""
    input:
        correlations=expand(rules.correlate.output.correlations, quantity=["error", "control"]),
    output:
        **drawn("controls"),
    log:
        "<logs>/plot_controls.log",
    benchmark:
        "<benchmarks>/plot_controls.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        protocol=study.settings["selected"]["protocol"],
        confidence=CONFIDENCE,
        note=notes.study_note(study),
        code=code("plot_controls"),
    script:
        "../scripts/plot_controls.py"


ANALYSIS += [
    rules.plot_matrix.output,
    rules.compare_controls.output,
    rules.plot_controls.output,
]
