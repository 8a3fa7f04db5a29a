"""Where in an image its predicted memorability lies: what predictors of pixels lean on.

REQUIRED: the images and their table, the split; the predictors of where.predictors; where.regions;
          weights of where.detectors.
MAKES:    <results>/where/ablation_scores.parquet, ablation_examples.npz
          <results>/tables/ablations.*, ablation_answers.*
          <results>/figures/ablations/<predictor>.*, ablation_examples.*
"""

EXPLAINED = {spec.name: paths.opened_with(study, spec) for spec in study.where_predictors}
EXPLAINED_FILES = [
    file for files in EXPLAINED.values() for file in files["weights"] + files["mean_image"]
]
DETECTORS = paths.detector_weights(study)
DETECTOR_FILES = [file for files in DETECTORS.values() for file in files]
LOOKED_AT = {
    "folder": ancient(study.image_source["images"]),
    "images": ANALYSED_IMAGES,
    "split": paths.split_file(study),
    "predictors": lambda _: each_given(EXPLAINED_FILES),
}


def explaining(script):
    """Return a parameter that changes with the code of a script and of all explained predictors."""
    named = [name for predictor in EXPLAINED for name in definitions(predictor)]
    return lambda _: fingerprints.of(script, *named)


rule ablate_images:
    """Take something away from test images, and score them before and after, with controls."""
    input:
        **LOOKED_AT,
        regions=lambda _: each_given(paths.regions(study)),
        detectors=lambda _: each_given(DETECTOR_FILES),
    output:
        scores=ensure("<results>/where/ablation_scores.parquet", non_empty=True),
        examples=ensure("<results>/where/ablation_examples.npz", non_empty=True),
    log:
        "<logs>/ablate_images.log",
    benchmark:
        "<benchmarks>/ablate_images.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("6GB", requests.runtime("ablate_images"), gpu=requests.gpus),
    params:
        study=study.name,
        settings=job_settings.where(study, "fill"),
        predictors=EXPLAINED,
        detectors=DETECTORS,
        # The study's own images and files of yours, by what is in them.
        content=lambda _: [
            scored_images(),
            *each_content(EXPLAINED_FILES + DETECTOR_FILES + paths.regions(study)),
        ],
        code=explaining("ablate_images"),
    script:
        "../scripts/ablate_images.py"


rule summarise_ablations:
    """Say how much each ablation changes scores, beside its controls, and what predictors lean on."""
    input:
        scores=rules.ablate_images.output.scores,
        images=ANALYSED_IMAGES,
    output:
        **tabled("ablations", "ablations"),
        **tabled("ablation_answers", "answers"),
        page=page("ablations"),
    log:
        "<logs>/summarise_ablations.log",
    benchmark:
        "<benchmarks>/summarise_ablations.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", requests.runtime("summarise_ablations")),
    params:
        study=study.name,
        settings={"bootstrap": job_settings.bootstrap(study)},
        note=notes.prediction_note(study),
        code=code("summarise_ablations"),
    script:
        "../scripts/summarise_ablations.py"


rule plot_ablations:
    """Draw how much each ablation changes the scores of a predictor."""
    input:
        ablations=rules.summarise_ablations.output.ablations,
        answers=rules.summarise_ablations.output.answers,
    output:
        **drawn("ablations/{head}", detail=lambda wildcards: head_label(wildcards.head)),
    log:
        "<logs>/plot_ablations/{head}.log",
    benchmark:
        "<benchmarks>/plot_ablations/{head}.jsonl"
    wildcard_constraints:
        head="|".join(EXPLAINED) or "none",
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        confidence=CONFIDENCE,
        note=notes.prediction_note(study),
        code=code("plot_ablations"),
    script:
        "../scripts/plot_ablations.py"


rule plot_ablation_examples:
    """Draw some images under each ablation."""
    input:
        scores=rules.ablate_images.output.scores,
        examples=rules.ablate_images.output.examples,
    output:
        **drawn("ablation_examples"),
    log:
        "<logs>/plot_ablation_examples.log",
    benchmark:
        "<benchmarks>/plot_ablation_examples.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        note=notes.study_note(study),
        code=code("plot_ablation_examples"),
    script:
        "../scripts/plot_ablation_examples.py"


if EXPLAINED:
    ANALYSIS += [
        rules.summarise_ablations.output,
        expand(rules.plot_ablations.output, head=EXPLAINED),
    ]
    ALL += [rules.plot_ablation_examples.output]
