"""What errors and distinctiveness add to labels, low-level controls and predictors made elsewhere.

REQUIRED: errors and distinctiveness; of a study with runs also controls, image features and the tables of
          prediction.external.
MAKES:    <results>/tables/incremental.*, <results>/figures/incremental.*
"""


rule measure_increments:
    """Predict scores with each quantity and without it, on subcategories that no model was fitted on."""
    input:
        images=IMAGES,
        error=QUANTITIES.get("error", []),
        distinctiveness=QUANTITIES.get("distinctiveness", []),
        outcomes=OUTCOMES,
        controls=QUANTITIES.get("control", []),
        features=QUANTITIES.get("feature", []),
        predictions=paths.external_predictions(study),
    output:
        **tabled("incremental"),
        page=page("incremental"),
    log:
        "<logs>/measure_increments.log",
    benchmark:
        "<benchmarks>/measure_increments.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("4GB", requests.runtime("measure_increments")),
    params:
        study=study.name,
        quantities=MEASURED,
        settings=job_settings.correlation(study),
        note=notes.study_note(study),
        code=code("measure_increments"),
    script:
        "../scripts/measure_increments.py"


rule plot_increments:
    """Draw what each quantity adds to labels, to controls and to the rest."""
    input:
        increments=rules.measure_increments.output.table,
    output:
        **drawn("incremental"),
    log:
        "<logs>/plot_increments.log",
    benchmark:
        "<benchmarks>/plot_increments.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        confidence=CONFIDENCE,
        note=notes.study_note(study),
        code=code("plot_increments"),
    script:
        "../scripts/plot_increments.py"


if MEASURED:
    ANALYSIS += [rules.measure_increments.output, rules.plot_increments.output]
