"""What the study says of the published figures, and where its own come from.

REQUIRED: correlations of all quantities; the records of all runs.
MAKES:    <results>/tables/claims.*, <results>/provenance.json and .html
"""


rule judge_claims:
    """Set every published figure beside ours, with a verdict."""
    input:
        correlations=expand(
            rules.correlate.output.correlations, quantity=["error", "distinctiveness", "feature"]
        ),
        metrics=rules.evaluate_prediction.output.metrics,
        decay=[rules.measure_decay.output.decay] if study.decays else [],
    output:
        claims=ensure("<results>/tables/claims.parquet", non_empty=True),
        tsv="<results>/tables/claims.tsv",
        page=report(
            "<results>/tables/claims.html",
            caption="../report/claims.rst",
            category="7. Claims",
            labels={"what": "published figures beside ours"},
        ),
    log:
        "<logs>/judge_claims.log",
    benchmark:
        "<benchmarks>/judge_claims.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem="1GB",
        runtime="5m",
    params:
        study=study.name,
        settings={
            "dataset_kind": study.settings["dataset"]["kind"],
            "margin": study.settings["statistics"]["margin"],
            "other_model": study.other_model,
        },
        protocol=study.settings["protocols"][0],
        selected_loss=study.settings["selected"]["loss"],
        note=study.note,
        published=settings_hash(Path(workflow.basedir, "memorability/published.yaml").read_text()),
        code=fingerprint("claims", "decay", "pages", "summaries"),
    script:
        "../scripts/judge_claims.py"


rule record_provenance:
    """Record configuration, versions, hardware and the weights that every run used."""
    input:
        records=expand("<results>/models/{run}/record.json", run=[run.path for run in study.runs]),
    output:
        record="<results>/provenance.json",
        page=report(
            "<results>/tables/provenance.html",
            caption="../report/provenance.rst",
            category="8. Provenance",
            labels={"what": "weights, versions, configuration"},
        ),
    log:
        "<logs>/record_provenance.log",
    benchmark:
        "<benchmarks>/record_provenance.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem="1GB",
        runtime="5m",
    params:
        settings=study.settings,
        note=study.note,
        code=fingerprint("provenance", "pages", "summaries"),
    script:
        "../scripts/record_provenance.py"
