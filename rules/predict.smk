"""Memorability predicted from the latents of the selected model (its first seed).

REQUIRED: latents of the selected model, prepared images.
MAKES:    <results>/tables/predictions.parquet, prediction_history.parquet, prediction_metrics.*
          <results>/predictor/predictor.safetensors, <results>/figures/prediction.*
          <results>/predictor/bundle.safetensors, bundle.json (python -m memorability predict)
"""


rule predict:
    """Train the predictor on the training split and predict every image."""
    input:
        images=ANALYSED_IMAGES,
        latents=f"<results>/latents/{ANALYSED}/part.parquet",
        official_splits=study.official_splits,
    output:
        predictions=ensure("<results>/tables/predictions.parquet", non_empty=True),
        history=ensure("<results>/tables/prediction_history.parquet", non_empty=True),
        predictor=ensure("<results>/predictor/predictor.safetensors", non_empty=True),
    log:
        "<logs>/predict.log",
    benchmark:
        "<benchmarks>/predict.jsonl"
    conda:
        "../envs/training.yaml"
    threads: 2
    resources:
        mem=lambda wildcards, input: f"{math.ceil(2.5 + input.size / 1e9)}GB",
        runtime="4h",
    params:
        study=study.name,
        settings=study.settings["prediction"]
        | {"seed": study.settings["statistics"]["seed"], "threads": 2},
        code=fingerprint("prediction"),
    script:
        "../scripts/predict.py"


rule evaluate_prediction:
    """Measure the predictions of unseen test images, beside the category means alone."""
    input:
        predictions=rules.predict.output.predictions,
    output:
        metrics=ensure("<results>/tables/prediction_metrics.parquet", non_empty=True),
        tsv="<results>/tables/prediction_metrics.tsv",
        page=report(
            "<results>/tables/prediction_metrics.html",
            caption="../report/prediction_metrics.rst",
            category="4. Prediction",
            labels={"what": "metrics on unseen images"},
        ),
    log:
        "<logs>/evaluate_prediction.log",
    benchmark:
        "<benchmarks>/evaluate_prediction.jsonl"
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem="2GB",
        runtime="1h",
    params:
        study=study.name,
        settings=study.correlation_settings,
        note=study.note,
        code=fingerprint("prediction", "pages", "summaries"),
    script:
        "../scripts/evaluate_prediction.py"


rule plot_prediction:
    """Draw predicted against measured memorability and the ROC curve of unseen images."""
    input:
        predictions=rules.predict.output.predictions,
        metrics=rules.evaluate_prediction.output.metrics,
    output:
        svg=report(
            "<results>/figures/prediction.svg",
            caption="../report/prediction.rst",
            category="4. Prediction",
            labels={"what": "predicted and measured"},
        ),
        png="<results>/figures/prediction.png",
    log:
        "<logs>/plot_prediction.log",
    benchmark:
        "<benchmarks>/plot_prediction.jsonl"
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
        "../scripts/plot_prediction.py"


rule bundle_predictor:
    """Save the predictor with its encoder in one file, which scores any image."""
    input:
        latents=f"<results>/latents/{ANALYSED}/part.parquet",
        predictions=rules.predict.output.predictions,
        predictor=rules.predict.output.predictor,
        model=f"<results>/{study.analysed_models}/{ANALYSED}/autoencoder.safetensors",
        record=f"<results>/models/{ANALYSED}/record.json",
    output:
        bundle=ensure("<results>/predictor/bundle.safetensors", non_empty=True),
        facts=ensure("<results>/predictor/bundle.json", non_empty=True),
    log:
        "<logs>/bundle_predictor.log",
    benchmark:
        "<benchmarks>/bundle_predictor.jsonl"
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem=lambda wildcards, input: f"{math.ceil(2.5 + input.size / 1e9)}GB",
        runtime="30m",
    params:
        study=study.name,
        settings=study.bundle_settings,
        code=fingerprint("saved_predictor"),
    script:
        "../scripts/bundle_predictor.py"
