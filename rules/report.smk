"""What the study says of the published figures, and where its own come from.

REQUIRED: correlations of all quantities; image table, ceiling, metrics of prediction, decay curve and
          the records of all runs, as far as there are any.
MAKES:    <results>/tables/claims.*, <results>/provenance.json and .html
"""


rule judge_claims:
    """Set every published figure beside ours, with a verdict."""
    input:
        correlations=expand(
            rules.correlate.output.correlations,
            quantity=[
                name for name in ("error", "distinctiveness", "feature") if name in QUANTITIES
            ],
        )
        + ([rules.summarise_features.output.attributed] if study.runs else []),
        images=IMAGES,
        metrics=[rules.evaluate_prediction.output.metrics] if study.runs else [],
        predictions=[rules.predict.output.predictions] if study.published_split else [],
        ceiling=[rules.estimate_ceiling.output.ceiling] if study.has_counts else [],
        decay=[rules.measure_decay.output.decay] if study.decays else [],
    output:
        claims=ensure("<results>/tables/claims.parquet", non_empty=True),
        tsv="<results>/tables/claims.tsv",
        badge="<results>/tables/claims_badge.md",
        page=page("claims", "7. Claims", "published figures beside ours"),
    log:
        "<logs>/judge_claims.log",
    benchmark:
        "<benchmarks>/judge_claims.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
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
        tables=paths.given_tables(study),
    output:
        record="<results>/provenance.json",
        page=page("provenance", "8. Provenance", "weights, versions, configuration"),
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
        code=code("record_provenance"),
    script:
        "../scripts/record_provenance.py"


ANALYSIS += [rules.judge_claims.output, rules.record_provenance.output]
