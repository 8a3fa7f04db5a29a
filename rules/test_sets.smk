"""Predictors of pixels on further data sets, which they were not fitted to (`prediction.test_on`).

REQUIRED: images and a score table of each further data set, or its download; the predictors of
          prediction.pixel_predictors (rules/pixel_predictors.smk).
MAKES:    <results>/test_sets/set=<name>/images.parquet
          <results>/test_set_scores/set=<name>/head=<predictor>/part.parquet
          <results>/tables/test_sets.*, <results>/figures/test_sets.*
"""

FITTED_HERE = [spec for spec in study.pixel_predictors if spec.fits]


rule read_test_set:
    """Make the image table of a further data set: images with a score and a file."""
    input:
        folder=lambda wildcards: ancient(further_folder(wildcards)),
        scores=lambda wildcards: given(FURTHER[wildcards.set].source["scores"]),
    output:
        images=ensure("<results>/test_sets/set={set}/images.parquet", non_empty=True),
    log:
        "<logs>/read_test_set/{set}.log",
    benchmark:
        "<benchmarks>/read_test_set/{set}.jsonl"
    wildcard_constraints:
        set="|".join(FURTHER) or "none",
    conda:
        "../envs/training.yaml"
    resources:
        **asking("2GB", "10m"),
    params:
        study=study.name,
        settings=lambda wildcards: {
            "columns": FURTHER[wildcards.set].source["columns"],
            "on_bad_image": study.settings["images"]["on_bad_image"],
            "seed": job_settings.study_seed(study),
        },
        content=lambda wildcards: (
            given_content(FURTHER[wildcards.set].source["scores"]) + further_content(wildcards.set)
        ),
        code=code("read_test_set"),
    script:
        "../scripts/read_test_set.py"


rule score_test_set:
    """Predict every image of a further data set by a predictor of pixels, in each of its fits."""
    input:
        folder=lambda wildcards: ancient(further_folder(wildcards)),
        images="<results>/test_sets/set={set}/images.parquet",
        fitted=lambda wildcards: [
            paths.pixel_predictor(study, spec, target)
            for spec in FITTED_HERE
            for target in study.targets
            if spec.name == wildcards.head
        ],
        weights=lambda wildcards: (
            []
            if wildcards.head in FITTED
            else each_given(paths.pixel_weights(study, wildcards.head))
        ),
        mean_image=lambda wildcards: each_given(paths.mean_image(study, wildcards.head)),
    output:
        scores=ensure(
            "<results>/test_set_scores/set={set}/head={head}/part.parquet", non_empty=True
        ),
    log:
        "<logs>/score_test_set/{set}/{head}.log",
    benchmark:
        "<benchmarks>/score_test_set/{set}/{head}.jsonl"
    wildcard_constraints:
        set="|".join(FURTHER) or "none",
        head="|".join(spec.name for spec in study.pixel_predictors) or "none",
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("8GB", requests.runtime("score_test_set"), gpu=requests.gpus),
    params:
        study=study.name,
        settings=job_settings.pixel_scoring(study),
        images=lambda wildcards: further_content(wildcards.set),
        content=lambda wildcards: each_content(
            [*paths.pixel_weights(study, wildcards.head), *paths.mean_image(study, wildcards.head)]
        ),
        code=code("score_test_set", lambda wildcards: wildcards.head),
    script:
        "../scripts/score_test_set.py"


rule compare_on_test_sets:
    """Compare predictors of pixels on the study's own test images and on further data sets."""
    input:
        predictions=[
            paths.pixel_predictions(study, spec, target)
            for spec in study.pixel_predictors
            for target in (study.targets if spec.fits else study.targets[:1])
        ],
        split=paths.split_file(study),
        images=ANALYSED_IMAGES,
        images_of_sets=[paths.further_images(study, each) for each in FURTHER.values()],
        scores=[
            paths.further_scores(study, each, spec)
            for each in FURTHER.values()
            for spec in study.pixel_predictors
        ],
    output:
        **tabled("test_sets", "table"),
        page=page("test_sets"),
    log:
        "<logs>/compare_on_test_sets.log",
    benchmark:
        "<benchmarks>/compare_on_test_sets.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        **asking("4GB", requests.runtime("compare_on_test_sets")),
    params:
        study=study.name,
        settings=job_settings.further_comparison(study),
        note=notes.study_note(study),
        code=code("compare_on_test_sets"),
    script:
        "../scripts/compare_on_test_sets.py"


rule plot_test_sets:
    """Draw how well predictors of pixels rank the images of several data sets."""
    input:
        table=rules.compare_on_test_sets.output.table,
    output:
        **drawn("test_sets"),
    log:
        "<logs>/plot_test_sets.log",
    benchmark:
        "<benchmarks>/plot_test_sets.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        confidence=CONFIDENCE,
        note=notes.study_note(study),
        code=code("plot_test_sets"),
    script:
        "../scripts/plot_test_sets.py"


if FURTHER:
    ANALYSIS += [rules.compare_on_test_sets.output, rules.plot_test_sets.output]
