"""Where in an image its predicted memorability lies: what predictors of pixels lean on.

REQUIRED: the images and their table, the split; the predictors of where.predictors; where.regions;
          weights of where.detectors.
MAKES:    <results>/where/ablation_scores.parquet, ablation_examples.npz
          <results>/where/memorability_maps.parquet, mapped_images.npz, unit_images.npz, unit_portraits.npz,
          unit_correlations.parquet, mean_activations.npz, latent_positions.parquet
          <results>/where/small_vae.parquet, small_vae_means.parquet
          <results>/where/stimuli/, modified_scores.parquet, modified_examples.npz
          <results>/tables/modified_versions.*, modified_tests.*, modified_images.html
          <results>/figures/modified_images.*, modified_examples.*
          <results>/tables/ablations.*, ablation_answers.*, map_agreement.*, units.*, latent_map.*
          <results>/figures/ablations/<predictor>.*, ablation_examples.*, memorability_maps/<predictor>.*,
          unit_images/<predictor>.*, unit_portraits/<predictor>.*, latent_maps.*
"""

EXPLAINED = {spec.name: paths.opened_with(study, spec) for spec in study.where_predictors}
EXPLAINED_FILES = [
    file for files in EXPLAINED.values() for file in files["weights"] + files["mean_image"]
]
# Drawings are judged by all predictors of pixels, not only by the one whose map steers them.
JUDGES = {spec.name: paths.opened_with(study, spec) for spec in study.pixel_predictors}
JUDGE_FILES = [file for files in JUDGES.values() for file in files["weights"] + files["mean_image"]]
DETECTORS = paths.detector_weights(study)
DETECTOR_FILES = [file for files in DETECTORS.values() for file in files]
LOOKED_AT = {
    "folder": ancient(study.image_source["images"]),
    "images": ANALYSED_IMAGES,
    "split": paths.split_file(study),
    "predictors": lambda _: each_given(EXPLAINED_FILES),
}


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
        settings=job_settings.where(study, "images", "fill"),
        predictors=EXPLAINED,
        detectors=DETECTORS,
        # The study's own images and files of yours, by what is in them.
        content=lambda _: [
            scored_images(),
            *each_content(EXPLAINED_FILES + DETECTOR_FILES + paths.regions(study)),
        ],
        code=code_of_each("ablate_images", EXPLAINED),
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
        note=notes.study_note(study),
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
        note=notes.study_note(study),
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


rule map_images:
    """Map the predicted score over test images, by several methods."""
    input:
        **LOOKED_AT,
    output:
        maps=ensure("<results>/where/memorability_maps.parquet", non_empty=True),
        images_shown=ensure("<results>/where/mapped_images.npz", non_empty=True),
    log:
        "<logs>/map_images.log",
    benchmark:
        "<benchmarks>/map_images.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("8GB", requests.runtime("map_images"), gpu=requests.gpus),
    params:
        study=study.name,
        settings=job_settings.where(study, "mapped_images", "layers"),
        predictors=EXPLAINED,
        content=lambda _: [scored_images(), *each_content(EXPLAINED_FILES)],
        code=code_of_each("map_images", EXPLAINED),
    script:
        "../scripts/map_images.py"


rule compare_maps:
    """Say how far maps of several methods agree, and with maps that know no predictor."""
    input:
        maps=rules.map_images.output.maps,
        images=ANALYSED_IMAGES,
    output:
        **tabled("map_agreement", "agreement"),
        page=page("map_agreement"),
    log:
        "<logs>/compare_maps.log",
    benchmark:
        "<benchmarks>/compare_maps.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", requests.runtime("compare_maps")),
    params:
        study=study.name,
        settings={"bootstrap": job_settings.bootstrap(study)},
        note=notes.study_note(study),
        code=code("compare_maps"),
    script:
        "../scripts/compare_maps.py"


rule plot_maps:
    """Draw maps of some images by every method."""
    input:
        maps=rules.map_images.output.maps,
        images_shown=rules.map_images.output.images_shown,
    output:
        **drawn("memorability_maps/{head}", detail=lambda wildcards: head_label(wildcards.head)),
    log:
        "<logs>/plot_maps/{head}.log",
    benchmark:
        "<benchmarks>/plot_maps/{head}.jsonl"
    wildcard_constraints:
        head="|".join(EXPLAINED) or "none",
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        note=notes.study_note(study),
        code=code("plot_maps"),
    script:
        "../scripts/plot_maps.py"


rule modify_images:
    """Draw mapped images with detail where the map is high or low, and score the drawings."""
    input:
        folder=LOOKED_AT["folder"],
        images=LOOKED_AT["images"],
        maps=rules.map_images.output.maps,
        predictors=lambda _: each_given(JUDGE_FILES),
    output:
        stimuli=directory("<results>/where/stimuli"),
        scores=ensure("<results>/where/modified_scores.parquet", non_empty=True),
        examples=ensure("<results>/where/modified_examples.npz", non_empty=True),
    log:
        "<logs>/modify_images.log",
    benchmark:
        "<benchmarks>/modify_images.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("6GB", requests.runtime("modify_images"), gpu=requests.gpus),
    params:
        study=study.name,
        settings=job_settings.where(study),
        predictors=JUDGES,
        made_by=next(iter(EXPLAINED), ""),
        content=lambda _: [scored_images(), *each_content(JUDGE_FILES)],
        code=code_of_each("modify_images", JUDGES),
    script:
        "../scripts/modify_images.py"


rule summarise_modified:
    """Say whether predicted scores of drawings have the predicted order."""
    input:
        scores=rules.modify_images.output.scores,
        images=ANALYSED_IMAGES,
    output:
        **tabled("modified_versions", "versions"),
        **tabled("modified_tests", "tests"),
        page=page("modified_images"),
    log:
        "<logs>/summarise_modified.log",
    benchmark:
        "<benchmarks>/summarise_modified.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", requests.runtime("summarise_modified")),
    params:
        study=study.name,
        settings={"bootstrap": job_settings.bootstrap(study)},
        made_by=rules.modify_images.params.made_by,
        note=notes.study_note(study),
        code=code("summarise_modified"),
    script:
        "../scripts/summarise_modified.py"


rule plot_modified:
    """Draw scores of drawings, and some of the drawings."""
    input:
        tests=rules.summarise_modified.output.tests,
        examples=rules.modify_images.output.examples,
    output:
        **drawn("modified_images"),
        **drawn("modified_examples", prefix="examples_"),
    log:
        "<logs>/plot_modified.log",
    benchmark:
        "<benchmarks>/plot_modified.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        note=notes.study_note(study),
        code=code("plot_modified"),
    script:
        "../scripts/plot_modified.py"


rule look_at_units:
    """Correlate units of a layer with memorability, and keep the images that move them most."""
    input:
        **LOOKED_AT,
    output:
        units=ensure("<results>/where/unit_correlations.parquet", non_empty=True),
        shown=ensure("<results>/where/unit_images.npz", non_empty=True),
        means=ensure("<results>/where/mean_activations.npz", non_empty=True),
    log:
        "<logs>/look_at_units.log",
    benchmark:
        "<benchmarks>/look_at_units.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("6GB", requests.runtime("look_at_units"), gpu=requests.gpus),
    params:
        study=study.name,
        settings=job_settings.where(study, "layers") | job_settings.correlation(study),
        predictors=EXPLAINED,
        content=lambda _: [scored_images(), *each_content(EXPLAINED_FILES)],
        code=code_of_each("look_at_units", EXPLAINED),
    script:
        "../scripts/look_at_units.py"


rule list_units:
    """Say which units go with memorability, among how many."""
    input:
        correlations=rules.look_at_units.output.units,
    output:
        **tabled("units", "units"),
        page=page("units"),
    log:
        "<logs>/list_units.log",
    benchmark:
        "<benchmarks>/list_units.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        study=study.name,
        predictors=list(EXPLAINED),
        note=notes.study_note(study),
        code=code("list_units"),
    script:
        "../scripts/list_units.py"


rule plot_units:
    """Draw the images that move units most."""
    input:
        units=rules.list_units.output.units,
        shown=rules.look_at_units.output.shown,
    output:
        **drawn("unit_images/{head}", detail=lambda wildcards: head_label(wildcards.head)),
    log:
        "<logs>/plot_units/{head}.log",
    benchmark:
        "<benchmarks>/plot_units/{head}.jsonl"
    wildcard_constraints:
        head="|".join(EXPLAINED) or "none",
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        note=notes.study_note(study),
        code=code("plot_units"),
    script:
        "../scripts/plot_units.py"


rule portray_units:
    """Make pictures of what units answer to: averages of regions, segmentations, visualisations."""
    input:
        **LOOKED_AT,
        units=rules.look_at_units.output.units,
    output:
        portraits=ensure("<results>/where/unit_portraits.npz", non_empty=True),
    log:
        "<logs>/portray_units.log",
    benchmark:
        "<benchmarks>/portray_units.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("6GB", requests.runtime("portray_units"), gpu=requests.gpus),
    params:
        study=study.name,
        settings=job_settings.where(study, "visualised_units"),
        predictors=EXPLAINED,
        target=study.settings["statistics"]["target"],
        content=lambda _: [scored_images(), *each_content(EXPLAINED_FILES)],
        code=code_of_each("portray_units", EXPLAINED),
    script:
        "../scripts/portray_units.py"


rule plot_portraits:
    """Draw what units answer to."""
    input:
        units=rules.list_units.output.units,
        portraits=rules.portray_units.output.portraits,
    output:
        **drawn("unit_portraits/{head}", detail=lambda wildcards: head_label(wildcards.head)),
    log:
        "<logs>/plot_portraits/{head}.log",
    benchmark:
        "<benchmarks>/plot_portraits/{head}.jsonl"
    wildcard_constraints:
        head="|".join(EXPLAINED) or "none",
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        note=notes.study_note(study),
        code=code("plot_portraits"),
    script:
        "../scripts/plot_portraits.py"


rule fit_small_vae:
    """Train a small variational autoencoder of images, and place the test images on its plane."""
    input:
        images=ANALYSED_IMAGES,
        pixels=ANALYSED_PIXELS,
        split=paths.split_file(study),
    output:
        means=ensure("<results>/where/small_vae_means.parquet", non_empty=True),
        curve=ensure("<results>/where/small_vae.parquet", non_empty=True),
    log:
        "<logs>/fit_small_vae.log",
    benchmark:
        "<benchmarks>/fit_small_vae.jsonl"
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("2GB", requests.runtime("fit_small_vae"), gpu=requests.gpus),
    params:
        study=study.name,
        settings={
            "seed": job_settings.study_seed(study),
            "compute": job_settings.machine(study),
        },
        code=code("fit_small_vae"),
    script:
        "../scripts/fit_small_vae.py"


rule map_embeddings:
    """Test whether similar scores lie together in embeddings, and place images on a plane."""
    input:
        images=ANALYSED_IMAGES,
        split=paths.split_file(study),
        latents=rules.map_latents.output.latents,
        means=rules.look_at_units.output.means,
        of_vae=rules.fit_small_vae.output.means,
        curve=rules.fit_small_vae.output.curve,
        predictions=rules.predict.output.predictions,
        heads=[paths.pixel_predictions(study, spec, "score") for spec in study.where_predictors],
    output:
        **tabled("latent_map", "tests"),
        positions=ensure("<results>/where/latent_positions.parquet", non_empty=True),
        page=page("latent_map"),
    log:
        "<logs>/map_embeddings.log",
    benchmark:
        "<benchmarks>/map_embeddings.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("4GB", requests.runtime("map_embeddings")),
    params:
        study=study.name,
        settings=job_settings.selection(study),
        note=notes.prediction_note(study),
        code=code("map_embeddings"),
    script:
        "../scripts/map_embeddings.py"


rule plot_latent_map:
    """Draw embeddings on a plane, coloured by score, category and error."""
    input:
        positions=rules.map_embeddings.output.positions,
        curve=rules.fit_small_vae.output.curve,
        images=ANALYSED_IMAGES,
    output:
        **drawn("latent_maps"),
    log:
        "<logs>/plot_latent_map.log",
    benchmark:
        "<benchmarks>/plot_latent_map.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        target=study.settings["statistics"]["target"],
        score=SCORE,
        note=notes.prediction_note(study),
        code=code("plot_latent_map"),
    script:
        "../scripts/plot_latent_map.py"


if EXPLAINED:
    ANALYSIS += [
        rules.summarise_ablations.output,
        expand(rules.plot_ablations.output, head=EXPLAINED),
        rules.compare_maps.output,
        rules.summarise_modified.output,
        rules.list_units.output,
        rules.map_embeddings.output,
        rules.plot_latent_map.output,
    ]
    ALL += [
        rules.plot_ablation_examples.output,
        rules.plot_modified.output,
        expand(
            [*rules.plot_maps.output, *rules.plot_units.output, *rules.plot_portraits.output],
            head=EXPLAINED,
        ),
    ]
