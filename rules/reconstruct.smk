"""What reconstructions look like, and whether two seeds find the same images hard.

REQUIRED: errors of all runs; the analysed model; prepared images.
MAKES:    <results>/reconstructions/pixels.npy
          <results>/figures/reconstructions.*, seed_agreement.*
"""


rule reconstruct:
    """Reconstruct the images of the smallest and of the largest errors by the analysed model."""
    input:
        images=ANALYSED_IMAGES,
        pixels=ANALYSED_PIXELS,
        errors=paths.error_file(study, ANALYSED),
        model=ANALYSED_MODEL,
    output:
        reconstructions=ensure("<results>/reconstructions/pixels.npy", non_empty=True),
    log:
        "<logs>/reconstruct.log",
    benchmark:
        "<benchmarks>/reconstruct.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking(requests.analysis_memory, requests.runtime("reconstruct"), gpu=requests.gpus),
    params:
        settings=job_settings.machine(study),
        batch_norm_mode=study.protocols[ANALYSED.protocol].batch_norm_mode,
        code=code("reconstruct"),
    script:
        "../scripts/reconstruct.py"


rule plot_reconstructions:
    """Draw the best and the worst reconstructions below their originals."""
    input:
        images=ANALYSED_IMAGES,
        pixels=ANALYSED_PIXELS,
        errors=paths.error_file(study, ANALYSED),
        reconstructions=rules.reconstruct.output.reconstructions,
    output:
        **drawn("reconstructions"),
    log:
        "<logs>/plot_reconstructions.log",
    benchmark:
        "<benchmarks>/plot_reconstructions.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", "10m"),
    params:
        target=study.settings["statistics"]["target"],
        score=SCORE,
        note=notes.study_note(study),
        code=code("plot_reconstructions"),
    script:
        "../scripts/plot_reconstructions.py"


rule plot_seed_agreement:
    """Draw how far two seeds agree on which images are hard to reconstruct."""
    input:
        errors=ERRORS,
        correlations=expand(rules.correlate.output.correlations, quantity="error"),
    output:
        **drawn("seed_agreement"),
    log:
        "<logs>/plot_seed_agreement.log",
    benchmark:
        "<benchmarks>/plot_seed_agreement.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", "10m"),
    params:
        note=notes.study_note(study),
        code=code("plot_seed_agreement"),
    script:
        "../scripts/plot_seed_agreement.py"


ALL += [rules.plot_reconstructions.output]
if len({run.seed for run in study.runs}) > 1:
    ANALYSIS += [rules.plot_seed_agreement.output]
