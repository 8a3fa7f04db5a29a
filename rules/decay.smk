"""The decay curve: the analysed model trained for more epochs, measured after each.

REQUIRED: prepared images; weights files where the study loads weights; decay.epochs above 1.
MAKES:    <results>/decay/<run>/errors.parquet of the analysed model's seeds
          <results>/tables/decay.*, decay_seeds.parquet, <results>/figures/decay.*
"""


rule finetune_decay:
    """Fine-tune the analysed model for decay.epochs epochs and measure its errors after each."""
    input:
        images=lambda wildcards: run_images(wildcards, "prepared.parquet"),
        pixels=lambda wildcards: run_images(wildcards, "pixels.npy"),
        weights=lambda wildcards: each_given(
            paths.weight_files(study, wildcards.protocol, wildcards.loss)
        ),
        pretrained=lambda wildcards: paths.pretrained_files(study, wildcards.protocol),
        previous=lambda wildcards: paths.previous_model(study, **wildcards),
        split=lambda wildcards: paths.run_splits(study, wildcards.protocol),
        targets=lambda wildcards: paths.target_files(study, wildcards.protocol, wildcards.loss),
    output:
        errors=ensure("<results>/decay/<run>/errors.parquet", non_empty=True),
    log:
        "<logs>/finetune_decay/<run>.log",
    benchmark:
        "<benchmarks>/finetune_decay/<run>.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking(
            lambda wildcards, _: requests.training_memory(wildcards.protocol),
            requests.runtime("finetune_decay"),
            gpu=requests.gpus,
        ),
    params:
        study=study.name,
        settings=lambda wildcards: job_settings.decay(study, **wildcards),
        content=lambda wildcards: each_content(
            paths.weight_files(study, wildcards.protocol, wildcards.loss)
        ),
        code=code("finetune_decay"),
    script:
        "../scripts/finetune_decay.py"


rule measure_decay:
    """Correlate the errors after each epoch with memorability."""
    input:
        errors=[f"<results>/decay/{run.path}/errors.parquet" for run in study.selected],
        images=IMAGES,
    output:
        **tabled("decay", "decay"),
        **tabled("decay_seeds", "seeds"),
    log:
        "<logs>/measure_decay.log",
    benchmark:
        "<benchmarks>/measure_decay.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", requests.runtime("measure_decay")),
    params:
        study=study.name,
        settings=job_settings.correlation(study),
        code=code("measure_decay"),
    script:
        "../scripts/measure_decay.py"


rule plot_decay:
    """Draw the correlation after each epoch beside the published points."""
    input:
        decay=rules.measure_decay.output.decay,
        seeds=rules.measure_decay.output.seeds,
    output:
        **drawn("decay"),
    log:
        "<logs>/plot_decay.log",
    benchmark:
        "<benchmarks>/plot_decay.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        compared=notes.published_decay(study),
        confidence=CONFIDENCE,
        note=notes.study_note(study),
        code=code("plot_decay"),
    script:
        "../scripts/plot_decay.py"


if study.decays:
    ANALYSIS += [rules.measure_decay.output, rules.plot_decay.output]
