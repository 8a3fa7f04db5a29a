"""Predictors that read the images themselves, fitted to the study's training images or as published.

REQUIRED: the images and their table, the split; of prediction.pixel_predictors the weights of each.
MAKES:    <results>/pixel_predictors/views/<preparation>.npy
          <results>/pixel_predictors/<predictor>/<score>.safetensors (python -m memorability predict --weights)
          <results>/pixel_predictions/target=<score or published>/head=<predictor>/part.parquet
          <results>/tables/predictor_comparison.*, predictor_comparison_by_category.*
          <results>/figures/predictor_comparison.*
          <results>/pixel_history/target=<score>/head=<predictor>/part.parquet
          <results>/tables/pixel_training.*, <results>/figures/pixel_training.* (where networks are trained)
"""

FITTED = {spec.name: spec for spec in study.pixel_predictors if spec.fits}
TRAINED = [spec for spec in FITTED.values() if spec.trains]
# Several predictors may read the same views of the images.
VIEWS = {spec.name: spec.prepares.rpartition(":")[2] for spec in FITTED.values()}
PREPARATIONS = {view: FITTED[name].prepares for name, view in VIEWS.items()}
HEADS += [paths.pixel_predictions(study, spec, "score") for spec in study.pixel_predictors]


rule view_images:
    """Decode every image once, as predictors that are fitted to pixels read it."""
    input:
        folder=ancient(study.image_source["images"]),
        images=paths.prepared(study, study.selected_resize, "prepared.parquet"),
    output:
        # Kept: made anew, it would have all predictors fitted again where one of them joins.
        views=ensure("<results>/pixel_predictors/views/{view}.npy", non_empty=True),
    log:
        "<logs>/view_images/{view}.log",
    benchmark:
        "<benchmarks>/view_images/{view}.jsonl"
    wildcard_constraints:
        view="|".join(PREPARATIONS) or "none",
    conda:
        "../envs/training.yaml"
    threads: 2
    resources:
        **asking("2GB", requests.runtime("view_images")),
    params:
        study=study.name,
        preparation=lambda wildcards: PREPARATIONS[wildcards.view],
        settings={"decoding": job_settings.decoding(study)},
        content=lambda _: scored_images(),
        code=lambda wildcards: fingerprints.of(
            "view_images", *(PREPARATIONS[view] for view in PREPARATIONS if view == wildcards.view)
        ),
    script:
        "../scripts/view_images.py"


rule fit_pixel_predictor:
    """Fit a predictor of pixels to the training images, and predict every image with it."""
    input:
        views=lambda wildcards: f"<results>/pixel_predictors/views/{VIEWS[wildcards.head]}.npy",
        images=ANALYSED_IMAGES,
        split=paths.split_file(study),
        weights=lambda wildcards: each_given(paths.pixel_weights(study, wildcards.head)),
        mean_image=lambda wildcards: each_given(paths.mean_image(study, wildcards.head)),
    output:
        predictions=ensure(
            "<results>/pixel_predictions/target={target}/head={head}/part.parquet", non_empty=True
        ),
        predictor=ensure("<results>/pixel_predictors/{head}/{target}.safetensors", non_empty=True),
        history=ensure(
            "<results>/pixel_history/target={target}/head={head}/part.parquet", non_empty=True
        ),
    log:
        "<logs>/fit_pixel_predictor/{head}/{target}.log",
    benchmark:
        "<benchmarks>/fit_pixel_predictor/{head}/{target}.jsonl"
    wildcard_constraints:
        head="|".join(FITTED) or "none",
        target="|".join(study.targets),
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("10GB", requests.runtime("fit_pixel_predictor"), gpu=requests.gpus),
    params:
        study=study.name,
        settings=lambda wildcards: job_settings.pixel_fit(study, wildcards.target),
        content=lambda wildcards: each_content(
            [*paths.pixel_weights(study, wildcards.head), *paths.mean_image(study, wildcards.head)]
        ),
        code=code("fit_pixel_predictor", lambda wildcards: wildcards.head),
    script:
        "../scripts/fit_pixel_predictor.py"


rule score_pixels:
    """Predict every image by a predictor of pixels that was trained elsewhere."""
    input:
        folder=ancient(study.image_source["images"]),
        images=paths.prepared(study, study.selected_resize, "prepared.parquet"),
        weights=lambda wildcards: each_given(paths.pixel_weights(study, wildcards.head)),
        mean_image=lambda wildcards: each_given(paths.mean_image(study, wildcards.head)),
    output:
        predictions=ensure(
            f"<results>/pixel_predictions/target={paths.PUBLISHED}/head={{head}}/part.parquet",
            non_empty=True,
        ),
    log:
        "<logs>/score_pixels/{head}.log",
    benchmark:
        "<benchmarks>/score_pixels/{head}.jsonl"
    wildcard_constraints:
        head="|".join(name for name in PIXEL_PREDICTORS if name not in FITTED),
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("6GB", requests.runtime("score_pixels"), gpu=requests.gpus),
    params:
        study=study.name,
        settings=job_settings.pixel_scoring(study),
        images=lambda _: scored_images(),
        content=lambda wildcards: each_content(
            [*paths.pixel_weights(study, wildcards.head), *paths.mean_image(study, wildcards.head)]
        ),
        code=code("score_pixels", lambda wildcards: wildcards.head),
    script:
        "../scripts/score_pixels.py"


rule compare_predictors:
    """Compare every predictor, head and label-only baseline on the same test images."""
    input:
        predictions=rules.predict.output.predictions,
        heads=HEADS,
        of_targets=[
            paths.pixel_predictions(study, spec, target)
            for spec in FITTED.values()
            for target in study.targets[1:]
        ],
        images=ANALYSED_IMAGES,
        test_sets=["<results>/tables/test_sets.parquet"] if FURTHER else [],
    output:
        **tabled("predictor_comparison", "comparison"),
        **tabled("predictor_comparison_by_category", "by_category"),
        page=page("predictor_comparison"),
    log:
        "<logs>/compare_predictors.log",
    benchmark:
        "<benchmarks>/compare_predictors.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        **asking("2GB", requests.runtime("compare_predictors")),
    params:
        study=study.name,
        settings=job_settings.comparison(study),
        note=notes.prediction_note(study),
        code=code("compare_predictors"),
    script:
        "../scripts/compare_predictors.py"


rule plot_predictors:
    """Draw which predictor is best, by how much, and in which categories."""
    input:
        comparison=rules.compare_predictors.output.comparison,
        by_category=rules.compare_predictors.output.by_category,
    output:
        **drawn("predictor_comparison"),
    log:
        "<logs>/plot_predictors.log",
    benchmark:
        "<benchmarks>/plot_predictors.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        confidence=CONFIDENCE,
        note=notes.prediction_note(study),
        code=code("plot_predictors"),
    script:
        "../scripts/plot_predictors.py"


rule plot_pixel_training:
    """Draw the errors of every training of a predictor of pixels by epoch, and list them."""
    input:
        histories=[
            paths.pixel_history(study, spec, target)
            for spec in TRAINED
            for target in study.targets
        ],
    output:
        **drawn("pixel_training"),
        **tabled("pixel_training"),
    log:
        "<logs>/plot_pixel_training.log",
    benchmark:
        "<benchmarks>/plot_pixel_training.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        study=study.name,
        note=notes.study_note(study),
        code=code("plot_pixel_training"),
    script:
        "../scripts/plot_pixel_training.py"


if TRAINED:
    ANALYSIS += [rules.plot_pixel_training.output]

if study.pixel_predictors:
    ANALYSIS += [rules.compare_predictors.output, rules.plot_predictors.output]
