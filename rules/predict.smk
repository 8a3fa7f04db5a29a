"""Memorability predicted from the latents of the analysed model (its first seed).

REQUIRED: latents of the analysed model, prepared images and their split; of prediction.split.kind: file and
          prediction.external their tables.
MAKES:    <results>/prediction/latents.npy, <results>/tables/predictions.parquet, prediction_history.parquet,
          <results>/predictor/predictor.safetensors, <results>/head_predictions/head=…/part.parquet,
          <results>/tables/left_out.parquet, <results>/tables/prediction_search.* (where asked for),
          <results>/figures/prediction_search.*
"""

from memorability.prediction.names import reading

PREDICTION = study.settings["prediction"]
EXTERNAL = PREDICTION["external"]
HEADS = [
    f"<results>/head_predictions/head={head}/part.parquet"
    for head in [*PREDICTION["heads"], *EXTERNAL]
]
SEARCHED = ["<results>/tables/prediction_search.parquet"] if study.searches else []
LEFT_OUT = ["<results>/tables/left_out.parquet"] if study.leaves_out_categories else []


rule read_split:
    """Read the user's own split of the images into training, validation and test."""
    input:
        table=given(PREDICTION["split"]["file"] or []),
        images=IMAGES,
        rejected=paths.prepared(study, study.first_resize, "rejected.parquet"),
    output:
        split=ensure("<results>/prediction/own_split.parquet", non_empty=True),
    log:
        "<logs>/read_split.log",
    benchmark:
        "<benchmarks>/read_split.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        study=study.name,
        settings=PREDICTION["split"]["columns"],
        content=lambda _: given_content(PREDICTION["split"]["file"]),
        code=code("read_split"),
    script:
        "../scripts/read_split.py"


rule map_latents:
    """Copy the latents to a file that all heads read by mapping it."""
    input:
        images=ANALYSED_IMAGES,
        latents=paths.latent_file(study, ANALYSED),
    output:
        # Kept: made anew, it would have all heads trained again where one of them changes.
        latents=ensure("<results>/prediction/latents.npy", non_empty=True),
    log:
        "<logs>/map_latents.log",
    benchmark:
        "<benchmarks>/map_latents.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        **asking("2GB", "1h"),
    params:
        code=code("map_latents"),
    script:
        "../scripts/map_latents.py"


rule search_predictor:
    """Try hyper-parameters of the predictor: one worker's share of the trials."""
    input:
        latents=rules.map_latents.output.latents,
        split=paths.split_file(study),
    output:
        trials=ensure("<results>/prediction_search/worker_{worker}.parquet", non_empty=True),
    log:
        "<logs>/search_predictor/{worker}.log",
    benchmark:
        "<benchmarks>/search_predictor/{worker}.jsonl"
    wildcard_constraints:
        worker="[0-9]+",
    conda:
        "../envs/training.yaml"
    threads: job_settings.threads(study)
    resources:
        **asking("4GB", requests.runtime("search_predictor")),
    params:
        study=study.name,
        settings=job_settings.search(study),
        code=code("search_predictor"),
    script:
        "../scripts/search_predictor.py"


rule choose_predictor:
    """Choose the hyper-parameters of lowest validation loss among the trials of all workers."""
    input:
        trials=expand(
            rules.search_predictor.output.trials, worker=range(PREDICTION["search"]["jobs"])
        ),
    output:
        **tabled("prediction_search", "search"),
        page=page("prediction_search"),
    log:
        "<logs>/choose_predictor.log",
    benchmark:
        "<benchmarks>/choose_predictor.jsonl"
    localrule: True
    conda:
        "../envs/training.yaml"
    resources:
        **asking("2GB", "5m"),
    params:
        study=study.name,
        settings=PREDICTION["search"],
        note=notes.prediction_note(study),
        code=code("choose_predictor"),
    script:
        "../scripts/choose_predictor.py"


rule plot_search:
    """Draw the history of the search for the predictor's hyper-parameters."""
    input:
        search=rules.choose_predictor.output.search,
    output:
        **drawn("prediction_search"),
    log:
        "<logs>/plot_search.log",
    benchmark:
        "<benchmarks>/plot_search.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        note=notes.study_note(study),
        code=code("plot_search"),
    script:
        "../scripts/plot_search.py"


rule predict:
    """Train the predictor on the training split and predict every image."""
    input:
        images=ANALYSED_IMAGES,
        latents=rules.map_latents.output.latents,
        split=paths.split_file(study),
        search=SEARCHED,
    output:
        **tabled("predictions", "predictions"),
        **tabled("prediction_history", "history"),
        predictor=ensure("<results>/predictor/predictor.safetensors", non_empty=True),
    log:
        "<logs>/predict.log",
    benchmark:
        "<benchmarks>/predict.jsonl"
    conda:
        "../envs/training.yaml"
    threads: job_settings.threads(study)
    resources:
        **asking("4GB", requests.runtime("predict")),
    params:
        study=study.name,
        settings=job_settings.predictor(study),
        code=code("predict"),
    script:
        "../scripts/predict.py"


rule predict_by_head:
    """Predict every image by another head on the same latents."""
    input:
        latents=rules.map_latents.output.latents,
        split=paths.split_file(study),
    output:
        predictions=ensure("<results>/head_predictions/head={head}/part.parquet", non_empty=True),
    log:
        "<logs>/predict_by_head/{head}.log",
    benchmark:
        "<benchmarks>/predict_by_head/{head}.jsonl"
    wildcard_constraints:
        head="|".join(reading("latents")),
    conda:
        "../envs/training.yaml"
    threads: job_settings.threads(study)
    resources:
        **asking(
            lambda wildcards, _: requests.fitting_memory(wildcards.head),
            requests.runtime("predict_by_head"),
        ),
    params:
        study=study.name,
        settings=job_settings.heads(study),
        code=code("predict_by_head", lambda wildcards: wildcards.head),
    script:
        "../scripts/predict_by_head.py"


rule read_predictions:
    """Read predictions that were made elsewhere."""
    input:
        table=lambda wildcards: given(EXTERNAL[wildcards.head]["file"]),
        images=ANALYSED_IMAGES,
        split=paths.split_file(study),
    output:
        predictions=ensure("<results>/head_predictions/head={head}/part.parquet", non_empty=True),
    log:
        "<logs>/read_predictions/{head}.log",
    benchmark:
        "<benchmarks>/read_predictions/{head}.jsonl"
    wildcard_constraints:
        head="|".join(EXTERNAL) or "none",
    conda:
        "../envs/data.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        study=study.name,
        settings=lambda wildcards: EXTERNAL[wildcards.head]["columns"],
        content=lambda wildcards: given_content(EXTERNAL[wildcards.head]["file"]),
        code=code("read_predictions"),
    script:
        "../scripts/read_predictions.py"


rule predict_left_out:
    """Predict the test images of every category from the other categories alone."""
    input:
        images=ANALYSED_IMAGES,
        latents=rules.map_latents.output.latents,
        split=paths.split_file(study),
        search=SEARCHED,
    output:
        **tabled("left_out", "predictions"),
    log:
        "<logs>/predict_left_out.log",
    benchmark:
        "<benchmarks>/predict_left_out.jsonl"
    conda:
        "../envs/training.yaml"
    threads: job_settings.threads(study)
    resources:
        **asking(
            lambda wildcards, _: requests.fitting_memory(PREDICTION["leave_one_category_out"]),
            requests.runtime("predict_left_out"),
        ),
    params:
        study=study.name,
        settings=job_settings.left_out(study),
        code=code("predict_left_out", lambda _: PREDICTION["leave_one_category_out"]),
    script:
        "../scripts/predict_left_out.py"


if study.searches:
    ANALYSIS += [rules.choose_predictor.output, rules.plot_search.output]
