"""What the study says of the published numbers, and where its own come from.

REQUIRED: correlations of all quantities; image table, ceiling, metrics of prediction, decay curve and
          the records of all runs, as far as there are any; what was measured of every image.
MAKES:    <results>/tables/claims.*, per_image.*, summary.html, <results>/provenance.json and .html
          <results>/tables/methods.txt, methods.html and citations.bib
          <results>/tables/count_models.*, modelled_rates.*, trial_models.* (statistics.response_models)
"""


rule judge_claims:
    """Set every published number beside ours, with a verdict."""
    input:
        correlations=expand(
            rules.correlate.output.correlations,
            quantity=[
                name for name in ("error", "distinctiveness", "feature") if name in QUANTITIES
            ],
        )
        + ([rules.summarise_features.output.attributed] if study.runs else []),
        images=IMAGES,
        features=FEATURES if study.published_split else [],
        attributions=["<results>/tables/attributions.parquet"] if study.runs else [],
        metrics=[rules.evaluate_prediction.output.metrics] if study.runs else [],
        predictions=[rules.predict.output.predictions] if study.published_split else [],
        ceiling=[rules.estimate_ceiling.output.ceiling] if study.has_counts else [],
        decay=[rules.measure_decay.output.decay] if study.decays else [],
        test_sets=[rules.compare_on_test_sets.output.table] if study.further_sets else [],
    output:
        **tabled("claims", "claims"),
        badge="<results>/tables/claims_badge.md",
        page=page("claims"),
    log:
        "<logs>/judge_claims.log",
    benchmark:
        "<benchmarks>/judge_claims.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", requests.runtime("judge_claims")),
    params:
        study=study.name,
        settings=job_settings.claims(study),
        note=notes.study_note(study),
        code=code("judge_claims"),
    script:
        "../scripts/judge_claims.py"


rule record_provenance:
    """Record configuration, versions, hardware and the weights that every run used."""
    input:
        records=[paths.record_file(study, run) for run in study.runs],
        tables=each_given(paths.given_tables(study)),
    output:
        record="<results>/provenance.json",
        page=page("provenance"),
    log:
        "<logs>/record_provenance.log",
    benchmark:
        "<benchmarks>/record_provenance.jsonl"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        settings=job_settings.used(study),
        note=notes.study_note(study),
        content=lambda _: each_content(paths.given_tables(study)),
        code=code("record_provenance"),
    script:
        "../scripts/record_provenance.py"


rule describe_methods:
    """Write a methods paragraph with the study's own numbers, and what must be cited."""
    input:
        images=IMAGES,
        ceiling=[rules.estimate_ceiling.output.ceiling] if study.has_counts else [],
        predictions=[rules.predict.output.predictions] if study.runs else [],
        attributions=["<results>/tables/attributions.parquet"] if study.runs else [],
    output:
        text="<results>/tables/methods.txt",
        bibliography="<results>/tables/citations.bib",
        page=page("methods"),
    log:
        "<logs>/describe_methods.log",
    benchmark:
        "<benchmarks>/describe_methods.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", "10m"),
    params:
        study=study.name,
        settings=methods.facts(study),
        cited=references.cited(study),
        code=code("describe_methods"),
    script:
        "../scripts/describe_methods.py"


rule describe_images:
    """Write one flat table of all images for people: scores, errors, distinctiveness, predictions."""
    input:
        images=IMAGES,
        error=QUANTITIES.get("error", []),
        distinctiveness=QUANTITIES.get("distinctiveness", []),
        correlations=expand(rules.correlate.output.correlations, quantity=MEASURED),
        outcomes=OUTCOMES,
        predictions=[rules.predict.output.predictions] if study.runs else [],
        heads=[paths.pixel_predictions(study, spec, "score") for spec in study.pixel_predictors],
        features=FEATURES if study.runs else [],
    output:
        **tabled("per_image"),
    log:
        "<logs>/describe_images.log",
    benchmark:
        "<benchmarks>/describe_images.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("4GB", "20m"),
    params:
        study=study.name,
        quantities=MEASURED,
        settings={"protocol": study.settings["selected"]["protocol"]},
        code=code("describe_images"),
    script:
        "../scripts/describe_images.py"


rule summarise_study:
    """Write the first page of the report: what was found, Table 1, and what to be careful about."""
    input:
        correlations=expand(rules.correlate.output.correlations, quantity=MEASURED),
        claims=rules.judge_claims.output.claims,
        table_1=[rules.summarise_errors.output.table] if "error" in QUANTITIES else [],
        table_2=[rules.summarise_features.output.table] if study.runs else [],
        selection=[rules.select_learning_rates.output.selection] if study.runs else [],
        given_controls=[rules.compare_controls.output.given] if study.runs else [],
        attributions=[rules.attribute.output.attributions] if study.runs else [],
        decay=[rules.measure_decay.output.decay] if study.decays else [],
        near_duplicates=[rules.list_near_duplicates.output.table] if study.runs else [],
        increments=[rules.measure_increments.output.table] if MEASURED else [],
        comparison=[rules.compare_predictors.output.comparison] if study.pixel_predictors else [],
        metrics=[rules.evaluate_prediction.output.metrics] if study.runs else [],
        gains=[rules.evaluate_prediction.output.gains] if study.runs else [],
        calibration=[rules.evaluate_prediction.output.calibration] if study.runs else [],
    output:
        page=page("summary"),
    log:
        "<logs>/summarise_study.log",
    benchmark:
        "<benchmarks>/summarise_study.jsonl"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        study=study.name,
        quantities=MEASURED,
        confidence=study.settings["statistics"]["confidence"],
        note=notes.study_note(study),
        code=code("summarise_study"),
    script:
        "../scripts/summarise_study.py"


if "counts" in study.settings["statistics"]["response_models"]:

    rule model_counts:
        """Model the counts of every image: reliability, shrunken rates, and what errors do to hits."""
        input:
            per_image=rules.describe_images.output.table,
        output:
            **tabled("count_models", "models"),
            **tabled("modelled_rates", "rates"),
            page=page("count_models"),
        log:
            "<logs>/model_counts.log",
        benchmark:
            "<benchmarks>/model_counts.jsonl"
        conda:
            "../envs/models.yaml"
        resources:
            **asking("2GB", requests.runtime("model_counts")),
        params:
            study=study.name,
            settings=job_settings.response_models(study),
            note=notes.study_note(study),
            code=code("model_counts"),
        script:
            "../scripts/model_counts.py"

    ANALYSIS += [rules.model_counts.output]


if "trials" in study.settings["statistics"]["response_models"]:

    rule model_trials:
        """Model single responses: what errors do to hits, beside images, observers and delays."""
        input:
            per_image=rules.describe_images.output.table,
            trials=paths.trials(study),
        output:
            **tabled("trial_models", "models"),
            page=page("trial_models"),
        log:
            "<logs>/model_trials.log",
        benchmark:
            "<benchmarks>/model_trials.jsonl"
        conda:
            "../envs/models.yaml"
        resources:
            **asking("4GB", requests.runtime("model_trials")),
        params:
            study=study.name,
            settings=job_settings.response_models(study),
            note=notes.study_note(study),
            code=code("model_trials"),
        script:
            "../scripts/model_trials.py"

    ANALYSIS += [rules.model_trials.output]


ANALYSIS += [
    rules.judge_claims.output,
    rules.record_provenance.output,
    rules.describe_methods.output,
    rules.describe_images.output,
    rules.summarise_study.output,
]
