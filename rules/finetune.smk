"""Fine-tuning: one job per run of the grid.

REQUIRED: prepared images; weights files where the study loads weights; a pre-trained model, or the run
          before, where a protocol starts from one.
MAKES:    <results>/errors/<run>/, <results>/history/<run>/, <results>/outcomes/<run>/
          <results>/targets/… while runs of a loss of compute.stored_targets are made
          <results>/models/<run>/, <results>/selected_models/<run>/; while a run is made, its state in resources/checkpoints/
          <results>/latents/<run>/ and <results>/distinctiveness/<run>/ of the analysed model
"""


rule store_targets:
    """Compute what a loss compares reconstructions with, once for all of its runs."""
    input:
        pixels=lambda wildcards: run_images(wildcards, "pixels.npy"),
        weights=lambda wildcards: each_given(
            paths.weight_files(study, wildcards.protocol, wildcards.loss)
        ),
    output:
        targets=temp(
            ensure("<results>/targets/protocol={protocol}/loss={loss}/targets.npy", non_empty=True)
        ),
    log:
        "<logs>/store_targets/protocol={protocol}/loss={loss}.log",
    benchmark:
        "<benchmarks>/store_targets/protocol={protocol}/loss={loss}.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("3GB", requests.runtime("store_targets"), gpu=requests.gpus),
    params:
        settings=lambda wildcards: job_settings.targets(study, **wildcards),
        content=lambda wildcards: each_content(
            paths.weight_files(study, wildcards.protocol, wildcards.loss)
        ),
        code=code("store_targets"),
    script:
        "../scripts/store_targets.py"


rule finetune:
    """Fine-tune an autoencoder, one image after the other, and measure its error on every image."""
    input:
        images=lambda wildcards: run_images(wildcards, "prepared.parquet"),
        pixels=lambda wildcards: run_images(wildcards, "pixels.npy"),
        weights=lambda wildcards: each_given(
            paths.weight_files(study, wildcards.protocol, wildcards.loss)
        ),
        pretrained=lambda wildcards: paths.pretrained_files(study, wildcards.protocol),
        # Where the protocol carries weights over from run to run.
        previous=lambda wildcards: paths.previous_model(study, **wildcards),
        split=lambda wildcards: paths.run_splits(study, wildcards.protocol),
        targets=lambda wildcards: paths.target_files(study, wildcards.protocol, wildcards.loss),
    output:
        errors=ensure("<results>/errors/<run>/part.parquet", non_empty=True),
        history=ensure("<results>/history/<run>/part.parquet", non_empty=True),
        outcome=ensure("<results>/outcomes/<run>/part.parquet", non_empty=True),
        model=lasting(ensure("<results>/models/<run>/autoencoder.safetensors", non_empty=True)),
        record=ensure("<results>/models/<run>/record.json", non_empty=True),
    log:
        "<logs>/finetune/<run>.log",
    benchmark:
        "<benchmarks>/finetune/<run>.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking(
            lambda wildcards, _: requests.training_memory(wildcards.protocol),
            requests.runtime("finetune"),
            gpu=requests.gpus,
        ),
    params:
        study=study.name,
        settings=lambda wildcards: job_settings.run(study, **wildcards),
        content=lambda wildcards: each_content(
            paths.weight_files(study, wildcards.protocol, wildcards.loss)
        ),
        code=code("finetune"),
    script:
        "../scripts/finetune.py"


rule keep_model:
    """Keep the model of a selected run: the others are removed when nothing needs them any more."""
    input:
        model=rules.finetune.output.model,
    output:
        model=ensure("<results>/selected_models/<run>/autoencoder.safetensors", non_empty=True),
    log:
        "<logs>/keep_model/<run>.log",
    benchmark:
        "<benchmarks>/keep_model/<run>.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        **asking("1GB", "10m"),
    params:
        code=code("keep_model"),
    script:
        "../scripts/keep_model.py"


rule encode:
    """Write the latents of every image under a fine-tuned model."""
    input:
        images=lambda wildcards: run_images(wildcards, "prepared.parquet"),
        pixels=lambda wildcards: run_images(wildcards, "pixels.npy"),
        model=f"{paths.analysed_models(study)}/<run>/autoencoder.safetensors",
    output:
        latents=ensure("<results>/latents/<run>/part.parquet", non_empty=True),
    log:
        "<logs>/encode/<run>.log",
    benchmark:
        "<benchmarks>/encode/<run>.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        # Latents take no more than the pixels.
        **asking(
            lambda wildcards, input: requests.training_memory(wildcards.protocol, input.size),
            requests.runtime("encode"),
            gpu=requests.gpus,
        ),
    params:
        study=study.name,
        settings=job_settings.machine(study),
        code=code("encode"),
    script:
        "../scripts/encode.py"


rule measure_distinctiveness:
    """Measure how far each latent is from its nearest neighbours, as z-scores."""
    input:
        images=lambda wildcards: run_images(wildcards, "images.parquet"),
        latents=rules.encode.output.latents,
    output:
        distinctiveness=ensure("<results>/distinctiveness/<run>/part.parquet", non_empty=True),
    log:
        "<logs>/measure_distinctiveness/<run>.log",
    benchmark:
        "<benchmarks>/measure_distinctiveness/<run>.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: job_settings.threads(study)
    resources:
        # Latents are read by blocks: of any number of images the same.
        **asking("3GB", requests.runtime("measure_distinctiveness")),
    params:
        study=study.name,
        settings=study.settings["distinctiveness"],
        code=code("measure_distinctiveness"),
    script:
        "../scripts/measure_distinctiveness.py"


ALL += [paths.kept_file(study, run) for run in study.kept]
