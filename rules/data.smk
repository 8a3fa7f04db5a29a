"""Data sets become prepared images.

REQUIRED: the data set's downloads (rules/fetch.smk), or a directory of images and a table of scores
          or of single trials, or that table alone where there are no runs, or nothing for the data set kind `sample`.
MAKES:    resources/memcat/, lamem/, sun/, figrim/, things/ (unpacked images, scores, differences between the two)
          <results>/images/<resize>/prepared.parquet, unusable.parquet, pixels.npy: what training reads
          <results>/images/<resize>/images.parquet, rejected.parquet: with scores and labels
          <results>/images/images.parquet (without runs)
          <results>/tables/rejected.*, <results>/tables/ceiling.* (where counts are known), <results>/tables/baselines.parquet
          <results>/figures/scores.*
          <results>/tables/consistency.*, <results>/figures/consistency.* (where there are trials)
          <results>/dataset/scores.csv, trials.parquet, observers.parquet (where the user gave single trials)
          <results>/dataset/ (sample: images, scores, split, trials, observers and the planted truth)
          <results>/tables/planted_effects.*, <results>/figures/planted_effects.* (sample)
"""

SCORES = study.image_source["scores"]

if study.settings["dataset"]["kind"] == "sample":

    rule simulate_sample:
        """Cut crops of bundled photographs and let simulated observers play the memory game with them."""
        output:
            images=directory("<results>/dataset/images"),
            scores=ensure("<results>/dataset/scores.csv", non_empty=True),
            trials=ensure("<results>/dataset/trials.parquet", non_empty=True),
            observers=ensure("<results>/dataset/observers.parquet", non_empty=True),
            planted=ensure("<results>/dataset/planted.parquet", non_empty=True),
            attributes=ensure("<results>/dataset/attributes.csv", non_empty=True),
            split=ensure("<results>/dataset/official_splits.parquet", non_empty=True),
        log:
            "<logs>/simulate_sample.log",
        benchmark:
            "<benchmarks>/simulate_sample.jsonl"
        conda:
            "../envs/data.yaml"
        resources:
            **asking("1GB", "10m"),
        params:
            study=study.name,
            settings=job_settings.sample(study),
            code=code("simulate_sample"),
        script:
            "../scripts/simulate_sample.py"


if study.has_own_trials:

    rule score_trials:
        """Count how observers answered in single trials, and score images by the counts."""
        input:
            trials=given(study.settings["dataset"]["trials"]),
        output:
            scores=ensure("<results>/dataset/scores.csv", non_empty=True),
            trials=ensure("<results>/dataset/trials.parquet", non_empty=True),
            observers=ensure("<results>/dataset/observers.parquet", non_empty=True),
        log:
            "<logs>/score_trials.log",
        benchmark:
            "<benchmarks>/score_trials.jsonl"
        conda:
            "../envs/data.yaml"
        resources:
            **asking("2GB", "20m"),
        params:
            study=study.name,
            settings={"columns": study.settings["dataset"]["columns"]},
            content=lambda _: given_content(given_scores()),
            code=code("score_trials"),
        script:
            "../scripts/score_trials.py"


rule unpack_memcat:
    """Unpack MemCat's images, check its score table against its counts and against the images."""
    input:
        archive="resources/downloads/memcat_images.zip",
        table="resources/downloads/memcat_image_data.csv",
    output:
        images=directory("resources/memcat/images"),
        scores=ensure("resources/memcat/scores.parquet", non_empty=True),
        differences=ensure("resources/memcat/differences.parquet", non_empty=True),
        differences_tsv="resources/memcat/differences.tsv",
    log:
        "<logs>/unpack_memcat.log",
    benchmark:
        "<benchmarks>/unpack_memcat.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        **asking("1GB", "2h"),
    params:
        study="memcat",
        code=code("unpack_memcat"),
    script:
        "../scripts/unpack_memcat.py"


rule unpack_lamem:
    """Unpack LaMem's images, and write its scores and five official splits as tables."""
    input:
        archive="resources/downloads/lamem.tar.gz",
    output:
        images=directory("resources/lamem/images"),
        scores=ensure("resources/lamem/scores.parquet", non_empty=True),
        splits=ensure("resources/lamem/official_splits.parquet", non_empty=True),
        differences=ensure("resources/lamem/differences.parquet", non_empty=True),
        differences_tsv="resources/lamem/differences.tsv",
    log:
        "<logs>/unpack_lamem.log",
    benchmark:
        "<benchmarks>/unpack_lamem.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        **asking("1GB", "6h"),
    params:
        study="lamem",
        code=code("unpack_lamem"),
    script:
        "../scripts/unpack_lamem.py"


rule unpack_sun:
    """Write SUN memorability's images as files, and its scores as a table."""
    input:
        archive="resources/downloads/cvpr_memorability_data.zip",
    output:
        images=directory("resources/sun/images"),
        scores=ensure("resources/sun/scores.parquet", non_empty=True),
        differences=ensure("resources/sun/differences.parquet", non_empty=True),
        differences_tsv="resources/sun/differences.tsv",
    log:
        "<logs>/unpack_sun.log",
    benchmark:
        "<benchmarks>/unpack_sun.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        **asking("3GB", "1h"),
    params:
        study="sun",
        code=code("unpack_sun"),
    script:
        "../scripts/unpack_sun.py"


rule unpack_figrim:
    """Unpack FIGRIM's scenes, and write its scores as a table."""
    input:
        archive="resources/downloads/figrim_targets.zip",
        responses="resources/downloads/figrim_allImages_release.mat",
    output:
        images=directory("resources/figrim/images"),
        scores=ensure("resources/figrim/scores.parquet", non_empty=True),
        differences=ensure("resources/figrim/differences.parquet", non_empty=True),
        differences_tsv="resources/figrim/differences.tsv",
    log:
        "<logs>/unpack_figrim.log",
    benchmark:
        "<benchmarks>/unpack_figrim.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        **asking("2GB", "1h"),
    params:
        study="figrim",
        code=code("unpack_figrim"),
    script:
        "../scripts/unpack_figrim.py"


rule unpack_things:
    """Unpack the photographs of THINGS, and write its scores as a table."""
    input:
        archive="resources/downloads/things_images.zip",
        table="resources/downloads/THINGS_Memorability_Scores.csv",
    output:
        images=directory("resources/things/images"),
        scores=ensure("resources/things/scores.parquet", non_empty=True),
        differences=ensure("resources/things/differences.parquet", non_empty=True),
        differences_tsv="resources/things/differences.tsv",
    log:
        "<logs>/unpack_things.log",
    benchmark:
        "<benchmarks>/unpack_things.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        **asking("1GB", "4h"),
    params:
        study="things",
        code=code("unpack_things"),
    script:
        "../scripts/unpack_things.py"


if study.runs:

    rule prepare_images:
        """Decode, check and resize every image once, into one store of pixels in a fixed order."""
        input:
            images=ancient(study.image_source["images"]),
            # Of scores of one's own, those made of trials too, the list of images decides: see params.
            scores=SCORES if not study.has_own_images else ancient(SCORES),
        output:
            prepared=ensure("<results>/images/{resize}/prepared.parquet", non_empty=True),
            unusable=ensure("<results>/images/{resize}/unusable.parquet", non_empty=True),
            pixels=ensure("<results>/images/{resize}/pixels.npy", non_empty=True),
        log:
            "<logs>/prepare_images/{resize}.log",
        benchmark:
            "<benchmarks>/prepare_images/{resize}.jsonl"
        conda:
            "../envs/data.yaml"
        threads: 2
        resources:
            **asking("2GB", requests.runtime("prepare_images")),
        params:
            study=study.name,
            settings=lambda wildcards: job_settings.preparation(study, wildcards.resize),
            content=lambda _: scored_images(),
            code=code("prepare_images"),
        script:
            "../scripts/prepare_images.py"

    rule join_scores:
        """Join scores and labels with the prepared images, and list the images that are left out."""
        input:
            images=ancient(study.image_source["images"]),
            scores=given(SCORES),
            prepared="<results>/images/{resize}/prepared.parquet",
            unusable="<results>/images/{resize}/unusable.parquet",
        output:
            images=ensure("<results>/images/{resize}/images.parquet", non_empty=True),
            rejected=ensure("<results>/images/{resize}/rejected.parquet", non_empty=True),
        log:
            "<logs>/join_scores/{resize}.log",
        benchmark:
            "<benchmarks>/join_scores/{resize}.jsonl"
        conda:
            "../envs/data.yaml"
        resources:
            **asking("1GB", "10m"),
        params:
            study=study.name,
            settings=lambda wildcards: job_settings.preparation(study, wildcards.resize),
            content=lambda _: score_table(),
            code=code("join_scores"),
        script:
            "../scripts/join_scores.py"

    rule list_rejected:
        """List the images that were left out, with the reason of each, for reading."""
        input:
            rejected=paths.prepared(study, study.first_resize, "rejected.parquet"),
        output:
            **tabled("rejected"),
            page=page("rejected"),
        log:
            "<logs>/list_rejected.log",
        benchmark:
            "<benchmarks>/list_rejected.jsonl"
        localrule: True
        conda:
            "../envs/analysis.yaml"
        resources:
            **asking("1GB", "5m"),
        params:
            study=study.name,
            note=notes.study_note(study),
            code=code("list_rejected"),
        script:
            "../scripts/list_rejected.py"

else:

    rule read_scores:
        """Make the image table of the scores alone."""
        input:
            scores=given(SCORES),
        output:
            images=ensure("<results>/images/images.parquet", non_empty=True),
        log:
            "<logs>/read_scores.log",
        benchmark:
            "<benchmarks>/read_scores.jsonl"
        conda:
            "../envs/data.yaml"
        resources:
            **asking("1GB", "10m"),
        params:
            study=study.name,
            settings={
                "kind": study.settings["dataset"]["kind"],
                "columns": study.image_source["columns"],
                "on_bad_image": study.settings["images"]["on_bad_image"],
                "seed": job_settings.study_seed(study),
            },
            content=lambda _: given_content(SCORES),
            code=code("read_scores"),
        script:
            "../scripts/read_scores.py"


rule estimate_ceiling:
    """Estimate from counts how reliable the scores are and what a perfect predictor could reach."""
    input:
        images=IMAGES,
    output:
        **tabled("ceiling", "ceiling"),
        page=page("ceiling"),
    log:
        "<logs>/estimate_ceiling.log",
    benchmark:
        "<benchmarks>/estimate_ceiling.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "10m"),
    params:
        study=study.name,
        settings=job_settings.ceiling(study),
        note=notes.study_note(study),
        code=code("estimate_ceiling"),
    script:
        "../scripts/estimate_ceiling.py"


if paths.trials(study):

    rule measure_consistency:
        """Measure from single trials how well halves of the observers agree."""
        input:
            trials=paths.trials(study),
        output:
            **tabled("consistency", "consistency"),
        log:
            "<logs>/measure_consistency.log",
        benchmark:
            "<benchmarks>/measure_consistency.jsonl"
        conda:
            "../envs/analysis.yaml"
        resources:
            **asking("1GB", "10m"),
        params:
            study=study.name,
            settings={"seed": job_settings.study_seed(study)},
            code=code("measure_consistency"),
        script:
            "../scripts/measure_consistency.py"

    rule plot_consistency:
        """Draw the agreement of halves of the observers by the number of responses."""
        input:
            consistency=rules.measure_consistency.output.consistency,
        output:
            **drawn("consistency"),
        log:
            "<logs>/plot_consistency.log",
        benchmark:
            "<benchmarks>/plot_consistency.jsonl"
        conda:
            "../envs/analysis.yaml"
        resources:
            **asking("1GB", "5m"),
        params:
            note=notes.study_note(study),
            code=code("plot_consistency"),
        script:
            "../scripts/plot_consistency.py"

    ANALYSIS += [rules.measure_consistency.output, rules.plot_consistency.output]


if study.settings["dataset"]["kind"] == "sample":

    rule compare_planted:
        """Set every effect that was planted in the sample beside what the study recovers of it."""
        input:
            planted=rules.simulate_sample.output.planted,
            images=IMAGES,
            trials=paths.trials(study),
            ceiling=rules.estimate_ceiling.output.ceiling,
        output:
            **tabled("planted_effects", "effects"),
            page=page("planted_effects"),
        log:
            "<logs>/compare_planted.log",
        benchmark:
            "<benchmarks>/compare_planted.jsonl"
        conda:
            "../envs/data.yaml"
        resources:
            **asking("1GB", "5m"),
        params:
            study=study.name,
            settings={"confidence": CONFIDENCE},
            note=notes.study_note(study),
            code=code("compare_planted"),
        script:
            "../scripts/compare_planted.py"

    rule plot_planted:
        """Draw every planted effect beside the interval of what the study recovers of it."""
        input:
            effects=rules.compare_planted.output.effects,
        output:
            **drawn("planted_effects"),
        log:
            "<logs>/plot_planted.log",
        benchmark:
            "<benchmarks>/plot_planted.jsonl"
        conda:
            "../envs/analysis.yaml"
        resources:
            **asking("1GB", "5m"),
        params:
            confidence=CONFIDENCE,
            note=notes.study_note(study),
            code=code("plot_planted"),
        script:
            "../scripts/plot_planted.py"

    ANALYSIS += [rules.compare_planted.output, rules.plot_planted.output]


rule split_images:
    """Split the images into training, validation and test."""
    input:
        images=IMAGES,
        official_splits=paths.official_splits(study),
        near_duplicates=(paths.near_duplicate_pairs(study) if study.groups_near_duplicates else []),
    output:
        split=ensure("<results>/images/split.parquet", non_empty=True),
    log:
        "<logs>/split_images.log",
    benchmark:
        "<benchmarks>/split_images.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        **asking("1GB", "10m"),
    params:
        study=study.name,
        settings=job_settings.split(study),
        code=code("split_images"),
    script:
        "../scripts/split_images.py"


rule measure_baselines:
    """Say what labels and the original's size alone tell of every image."""
    input:
        images=IMAGES,
        split=paths.split_file(study),
    output:
        **tabled("baselines", "baselines"),
    log:
        "<logs>/measure_baselines.log",
    benchmark:
        "<benchmarks>/measure_baselines.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        **asking("1GB", "10m"),
    params:
        study=study.name,
        settings={"target": study.settings["statistics"]["target"]},
        code=code("measure_baselines"),
    script:
        "../scripts/measure_baselines.py"


rule plot_scores:
    """Draw the distribution of memorability scores in each category (Figure 1)."""
    input:
        images=IMAGES,
    output:
        **drawn("scores"),
    log:
        "<logs>/plot_scores.log",
    benchmark:
        "<benchmarks>/plot_scores.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        target=study.settings["statistics"]["target"],
        score=SCORE,
        note=notes.study_note(study),
        code=code("plot_scores"),
    script:
        "../scripts/plot_scores.py"


ANALYSIS += [
    rules.plot_scores.output,
    rules.estimate_ceiling.output if study.has_counts else [],
    rules.list_rejected.output if study.runs else [],
]
