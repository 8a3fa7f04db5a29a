"""How well the predictor and the other heads predict unseen images, and the predictor for new ones.

REQUIRED: predictions of all heads, the predictor, the analysed model and its latents.
MAKES:    <results>/tables/prediction_metrics.*, prediction_by_category, prediction_gains, prediction_calibration
          <results>/figures/prediction.*, prediction_by_category.*, prediction_calibration.*, prediction_learning.*
          <results>/tables/prediction_intervals.*
          <results>/predictor/bundle.safetensors, bundle.json (python -m memorability predict)
"""


rule evaluate_prediction:
    """Measure the predictions of unseen test images, beside what labels alone predict."""
    input:
        predictions=rules.predict.output.predictions,
        heads=HEADS,
        left_out=LEFT_OUT,
        images=ANALYSED_IMAGES,
    output:
        **tabled("prediction_metrics", "metrics"),
        **tabled("prediction_by_category", "by_category"),
        **tabled("prediction_gains", "gains"),
        **tabled("prediction_calibration", "calibration"),
        page=page("prediction_metrics"),
    log:
        "<logs>/evaluate_prediction.log",
    benchmark:
        "<benchmarks>/evaluate_prediction.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        **asking("2GB", requests.runtime("evaluate_prediction")),
    params:
        study=study.name,
        settings={
            "bootstrap": job_settings.bootstrap(study),
            "median_of": PREDICTION["threshold"],
        },
        note=notes.prediction_note(study),
        code=code("evaluate_prediction"),
    script:
        "../scripts/evaluate_prediction.py"


rule plot_prediction:
    """Draw the predictions of unseen images: curves, categories, calibration; and the training."""
    input:
        predictions=rules.predict.output.predictions,
        history=rules.predict.output.history,
        heads=HEADS,
        metrics=rules.evaluate_prediction.output.metrics,
        by_category=rules.evaluate_prediction.output.by_category,
        calibration=rules.evaluate_prediction.output.calibration,
    output:
        **drawn("prediction"),
        **drawn("prediction_by_category", prefix="category_"),
        **drawn("prediction_calibration", prefix="calibration_"),
        **drawn("prediction_learning", prefix="learning_"),
    log:
        "<logs>/plot_prediction.log",
    benchmark:
        "<benchmarks>/plot_prediction.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        settings=job_settings.bootstrap(study),
        threshold=PREDICTION["threshold"],
        # Predictors learn the score itself, whatever is correlated elsewhere.
        score=score_label("score", notes.score_convention(study)),
        note=notes.prediction_note(study),
        code=code("plot_prediction"),
    script:
        "../scripts/plot_prediction.py"


rule measure_intervals:
    """Measure how often intervals around predictions hold the scores of test images."""
    input:
        predictions=rules.predict.output.predictions,
        images=ANALYSED_IMAGES,
    output:
        **tabled("prediction_intervals", "intervals"),
        page=page("prediction_intervals"),
    log:
        "<logs>/measure_intervals.log",
    benchmark:
        "<benchmarks>/measure_intervals.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        study=study.name,
        settings={"confidence": CONFIDENCE},
        note=notes.study_note(study),
        code=code("measure_intervals"),
    script:
        "../scripts/measure_intervals.py"


rule bundle_predictor:
    """Save the predictor with its encoder in one file, which scores any image."""
    input:
        latents=paths.latent_file(study, ANALYSED),
        predictions=rules.predict.output.predictions,
        predictor=rules.predict.output.predictor,
        model=ANALYSED_MODEL,
        record=paths.record_file(study, ANALYSED),
        images=ANALYSED_IMAGES,
    output:
        bundle=ensure("<results>/predictor/bundle.safetensors", non_empty=True),
        facts=ensure("<results>/predictor/bundle.json", non_empty=True),
    log:
        "<logs>/bundle_predictor.log",
    benchmark:
        "<benchmarks>/bundle_predictor.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        **asking(lambda wildcards, input: f"{math.ceil(2.5 + input.size / 1e9)}GB", "30m"),
    params:
        study=study.name,
        settings=job_settings.bundle(study),
        code=code("bundle_predictor"),
    script:
        "../scripts/bundle_predictor.py"


ANALYSIS += [rules.plot_prediction.output, rules.measure_intervals.output]
ALL += [rules.bundle_predictor.output]
