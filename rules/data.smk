"""Data sets become prepared images.

REQUIRED: a directory of images and a table of scores, or the data set kind `sample`.
MAKES:    <results>/images/resize=…/images.parquet, pixels.npy, rejected.parquet
          <results>/tables/rejected.*, <results>/tables/ceiling.* (where counts are known), <results>/figures/scores.*
          <results>/dataset/ (sample: images, scores, trials, observers and the planted truth)
"""

if study.settings["dataset"]["kind"] == "sample":

    rule simulate_sample:
        """Cut crops of bundled photographs and let simulated observers play the memory game with them."""
        output:
            images=directory("<results>/dataset/images"),
            scores=ensure("<results>/dataset/scores.csv", non_empty=True),
            trials=ensure("<results>/dataset/trials.parquet", non_empty=True),
            observers=ensure("<results>/dataset/observers.parquet", non_empty=True),
            planted=ensure("<results>/dataset/planted.parquet", non_empty=True),
        log:
            "<logs>/simulate_sample.log",
        benchmark:
            "<benchmarks>/simulate_sample.jsonl"
        conda:
            "../envs/data.yaml"
        threads: 1
        resources:
            mem="1GB",
            runtime="10m",
        params:
            study=study.name,
            settings=study.settings["dataset"] | {"seed": study.settings["statistics"]["seed"]},
            code=fingerprint("datasets.sample", "memory_game.scoring"),
        script:
            "../scripts/simulate_sample.py"


rule prepare_images:
    """Decode, check and resize every image once, into one store of pixels and one table."""
    input:
        images=study.image_source["images"],
        scores=study.image_source["scores"],
    output:
        images=ensure("<results>/images/resize={resize}/images.parquet", non_empty=True),
        rejected=ensure("<results>/images/resize={resize}/rejected.parquet", non_empty=True),
        pixels=ensure("<results>/images/resize={resize}/pixels.npy", non_empty=True),
    log:
        "<logs>/prepare_images/resize={resize}.log",
    benchmark:
        "<benchmarks>/prepare_images/resize={resize}.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem="2GB",
        runtime="2h",
    params:
        study=study.name,
        settings=lambda wildcards: study.preparation(wildcards.resize),
        code=fingerprint("images", "datasets.scores"),
    script:
        "../scripts/prepare_images.py"


rule list_rejected:
    """List the images that were left out, with the reason of each, for reading."""
    input:
        prepared(study.first_resize, "rejected.parquet"),
    output:
        tsv="<results>/tables/rejected.tsv",
        page=report(
            "<results>/tables/rejected.html",
            caption="../report/rejected.rst",
            category="1. Data",
            labels={"what": "images left out"},
        ),
    log:
        "<logs>/list_rejected.log",
    benchmark:
        "<benchmarks>/list_rejected.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem="1GB",
        runtime="5m",
    params:
        note=study.note,
        code=fingerprint("pages"),
    script:
        "../scripts/list_rejected.py"


rule estimate_ceiling:
    """Estimate from counts how reliable the scores are and what a perfect predictor could reach."""
    input:
        images=IMAGES,
    output:
        ceiling=ensure("<results>/tables/ceiling.parquet", non_empty=True),
        tsv="<results>/tables/ceiling.tsv",
        page=report(
            "<results>/tables/ceiling.html",
            caption="../report/ceiling.rst",
            category="1. Data",
            labels={"what": "noise ceiling of the scores"},
        ),
    log:
        "<logs>/estimate_ceiling.log",
    benchmark:
        "<benchmarks>/estimate_ceiling.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem="1GB",
        runtime="10m",
    params:
        study=study.name,
        settings={"seed": study.settings["statistics"]["seed"]},
        note=study.note,
        code=fingerprint("memory_game.ceiling", "pages", "summaries"),
    script:
        "../scripts/estimate_ceiling.py"


rule plot_scores:
    """Draw the distribution of memorability scores in each category (Figure 1)."""
    input:
        images=IMAGES,
    output:
        svg=report(
            "<results>/figures/scores.svg",
            caption="../report/scores.rst",
            category="1. Data",
            labels={"what": "scores by category"},
        ),
        png="<results>/figures/scores.png",
    log:
        "<logs>/plot_scores.log",
    benchmark:
        "<benchmarks>/plot_scores.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem="1GB",
        runtime="5m",
    params:
        target=study.settings["statistics"]["target"],
        note=study.note,
        code=fingerprint("figures"),
    script:
        "../scripts/plot_scores.py"
