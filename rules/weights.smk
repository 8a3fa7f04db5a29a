"""Weights that the study makes itself: an autoencoder pre-trained on a folder of images.

REQUIRED: a directory of images, where a protocol has initial_weights: pretrain; the weights of VGG16, where
          pretraining.initial_weights is vgg16_encoder.
MAKES:    <results>/pretraining/<resize>/pixels.npy, rejected.parquet
          <results>/pretraining/<resize>/<architecture>/autoencoder.safetensors, history.parquet, record.json
          <results>/figures/pretraining.*
"""

PRETRAINED = "<results>/pretraining/{resize}/{bottleneck}-{decoder}-batch_norm_{batch_norm}"


wildcard_constraints:
    bottleneck="conv7x7|fc4096",
    decoder="upsample_conv|transposed12",
    batch_norm="yes|no",


rule prepare_pretraining:
    """Decode and resize every image of the pre-training folder into one store of pixels."""
    input:
        images=ancient(study.settings["pretraining"]["images"]),
    output:
        rejected=ensure("<results>/pretraining/{resize}/rejected.parquet", non_empty=True),
        pixels=ensure("<results>/pretraining/{resize}/pixels.npy", non_empty=True),
    log:
        "<logs>/prepare_pretraining/{resize}.log",
    benchmark:
        "<benchmarks>/prepare_pretraining/{resize}.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        **asking("2GB", requests.runtime("prepare_pretraining")),
    params:
        study=study.name,
        settings=lambda wildcards: job_settings.pretraining_images(study, wildcards.resize),
        content=lambda _: pretraining_images(),
        code=code("prepare_pretraining"),
    script:
        "../scripts/prepare_pretraining.py"


rule pretrain:
    """Train an autoencoder to reconstruct the images of the pre-training folder."""
    input:
        pixels=rules.prepare_pretraining.output.pixels,
        weights=each_given(paths.pretraining_weights(study)),
    output:
        model=ensure(f"{PRETRAINED}/autoencoder.safetensors", non_empty=True),
        history=ensure(f"{PRETRAINED}/history.parquet", non_empty=True),
        record=ensure(f"{PRETRAINED}/record.json", non_empty=True),
    log:
        "<logs>/pretrain/{resize}-{bottleneck}-{decoder}-{batch_norm}.log",
    benchmark:
        "<benchmarks>/pretrain/{resize}-{bottleneck}-{decoder}-{batch_norm}.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking(requests.pretraining_memory, requests.runtime("pretrain"), gpu=requests.gpus),
    params:
        study=study.name,
        settings=lambda wildcards: job_settings.pretraining(study, **wildcards),
        content=lambda _: each_content(paths.pretraining_weights(study)),
        code=code("pretrain"),
    script:
        "../scripts/pretrain.py"


rule plot_pretraining:
    """Draw the error of pre-trained models by epoch."""
    input:
        histories=expand("{model}/history.parquet", model=paths.pretrainings(study)),
    output:
        **drawn("pretraining"),
    log:
        "<logs>/plot_pretraining.log",
    benchmark:
        "<benchmarks>/plot_pretraining.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        note=notes.study_note(study),
        code=code("plot_pretraining"),
    script:
        "../scripts/plot_pretraining.py"


ANALYSIS += [rules.plot_pretraining.output if paths.pretrainings(study) else []]
