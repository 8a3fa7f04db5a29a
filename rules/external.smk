"""Errors and latents made elsewhere: joined with the images, drawn like our own.

REQUIRED: the tables that external_errors and external_latents name; the image table.
MAKES:    <results>/external_errors/, external_latents/, external_distinctiveness/, external/
          <results>/tables/external.*, <results>/figures/external_errors/, external_error_scatter/,
          external_distinctiveness/
"""

EXTERNAL_COUNTS = paths.external_counts(study)


rule join_errors:
    """Join a table of errors made elsewhere with the images."""
    input:
        table=lambda wildcards: given(study.settings["external_errors"][wildcards.loss]["file"]),
        images=IMAGES,
    output:
        errors=ensure(
            "<results>/external_errors/protocol=external/loss={loss}/part.parquet", non_empty=True
        ),
        counts=ensure("<results>/external/errors/{loss}.parquet", non_empty=True),
    log:
        "<logs>/join_errors/{loss}.log",
    benchmark:
        "<benchmarks>/join_errors/{loss}.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", "10m"),
    params:
        study=study.name,
        settings=lambda wildcards: study.settings["external_errors"][wildcards.loss],
        content=lambda wildcards: given_content(
            study.settings["external_errors"][wildcards.loss]["file"]
        ),
        code=code("join_errors"),
    script:
        "../scripts/join_errors.py"


rule join_latents:
    """Join a table of latents made elsewhere with the images."""
    input:
        table=lambda wildcards: given(study.settings["external_latents"][wildcards.loss]["file"]),
        images=IMAGES,
    output:
        latents=ensure("<results>/external_latents/{loss}.parquet", non_empty=True),
        counts=ensure("<results>/external/latents/{loss}.parquet", non_empty=True),
    log:
        "<logs>/join_latents/{loss}.log",
    benchmark:
        "<benchmarks>/join_latents/{loss}.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking(lambda wildcards, input: f"{math.ceil(2 + 3 * input.size / 1e9)}GB", "1h"),
    params:
        study=study.name,
        settings=lambda wildcards: study.settings["external_latents"][wildcards.loss],
        content=lambda wildcards: given_content(
            study.settings["external_latents"][wildcards.loss]["file"]
        ),
        code=code("join_latents"),
    script:
        "../scripts/join_latents.py"


use rule measure_distinctiveness as measure_external_distinctiveness with:
    input:
        images=IMAGES,
        latents=rules.join_latents.output.latents,
    output:
        distinctiveness=ensure(
            "<results>/external_distinctiveness/protocol=external/loss={loss}/part.parquet",
            non_empty=True,
        ),
    log:
        "<logs>/measure_external_distinctiveness/{loss}.log",
    benchmark:
        "<benchmarks>/measure_external_distinctiveness/{loss}.jsonl"


rule list_external:
    """List what was made elsewhere and how much of it belongs to images of the study."""
    input:
        counts=EXTERNAL_COUNTS,
    output:
        **tabled("external"),
        page=page("external"),
    log:
        "<logs>/list_external.log",
    benchmark:
        "<benchmarks>/list_external.jsonl"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        study=study.name,
        note=notes.study_note(study),
        code=code("list_external"),
    script:
        "../scripts/list_external.py"


use rule plot_errors as plot_external_errors with:
    input:
        errors=[rules.join_errors.output.errors],
        correlations=expand(rules.correlate.output.correlations, quantity="error"),
        images=IMAGES,
    output:
        **drawn(
            "external_errors/{loss}",
            front=not study.runs,
            detail=lambda wildcards: f"external {wildcards.loss}",
        ),
        **drawn(
            "external_error_scatter/{loss}",
            prefix="scatter_",
            detail=lambda wildcards: f"external {wildcards.loss}",
        ),
    log:
        "<logs>/plot_external_errors/{loss}.log",
    benchmark:
        "<benchmarks>/plot_external_errors/{loss}.jsonl"


use rule plot_distinctiveness as plot_external_distinctiveness with:
    input:
        distinctiveness=[rules.measure_external_distinctiveness.output.distinctiveness],
        correlations=expand(rules.correlate.output.correlations, quantity="distinctiveness"),
        images=IMAGES,
    output:
        **drawn(
            "external_distinctiveness/{loss}",
            front=not study.runs,
            detail=lambda wildcards: f"external {wildcards.loss}",
        ),
    log:
        "<logs>/plot_external_distinctiveness/{loss}.log",
    benchmark:
        "<benchmarks>/plot_external_distinctiveness/{loss}.jsonl"


ANALYSIS += [
    rules.list_external.output if EXTERNAL_COUNTS else [],
    expand(rules.plot_external_errors.output, loss=study.settings["external_errors"]),
    expand(rules.plot_external_distinctiveness.output, loss=study.settings["external_latents"]),
]
