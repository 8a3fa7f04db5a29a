"""Attributes of images that the user brings, as popularity or source, beside memorability.

REQUIRED: the tables that `attributes` names; the image table.
MAKES:    <results>/attributes/<table>.parquet
          <results>/tables/attributes.*, attribute_quartiles.*, sources.*, source_tests.*
          <results>/figures/attributes.*, sources.*
"""

ATTRIBUTE_TABLES = study.settings["attributes"]


rule join_attributes:
    """Join a table of attributes with the images."""
    input:
        table=lambda wildcards: each_given(paths.attribute_files(study, wildcards.table)),
        images=IMAGES,
    output:
        attributes=ensure("<results>/attributes/{table}.parquet", non_empty=True),
    log:
        "<logs>/join_attributes/{table}.log",
    benchmark:
        "<benchmarks>/join_attributes/{table}.jsonl"
    wildcard_constraints:
        table="[a-z0-9_]+",
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", "10m"),
    params:
        study=study.name,
        settings=lambda wildcards: ATTRIBUTE_TABLES[wildcards.table],
        content=lambda wildcards: each_content(paths.attribute_files(study, wildcards.table)),
        code=code("join_attributes"),
    script:
        "../scripts/join_attributes.py"


rule compare_attributes:
    """Compare memorability with attributes of images, and between their sources."""
    input:
        values=expand(rules.join_attributes.output.attributes, table=ATTRIBUTE_TABLES),
        images=IMAGES,
    output:
        **tabled("attributes", "attributes"),
        **tabled("attribute_quartiles", "quartiles"),
        **tabled("sources", "sources"),
        **tabled("source_tests", "tests"),
        page=page("attributes"),
        sources_page=page("sources"),
    log:
        "<logs>/compare_attributes.log",
    benchmark:
        "<benchmarks>/compare_attributes.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("2GB", requests.runtime("compare_attributes")),
    params:
        study=study.name,
        settings=job_settings.correlation(study),
        note=notes.study_note(study),
        code=code("compare_attributes"),
    script:
        "../scripts/compare_attributes.py"


rule plot_attributes:
    """Draw attributes by quartile of memorability, and sorted scores by source."""
    input:
        values=rules.compare_attributes.input.values,
        attributes=rules.compare_attributes.output.attributes,
        quartiles=rules.compare_attributes.output.quartiles,
        tests=rules.compare_attributes.output.tests,
        images=IMAGES,
    output:
        **drawn("attributes"),
        **drawn("sources", prefix="sources_"),
    log:
        "<logs>/plot_attributes.log",
    benchmark:
        "<benchmarks>/plot_attributes.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        target=study.settings["statistics"]["target"],
        score=SCORE,
        note=notes.study_note(study),
        code=code("plot_attributes"),
    script:
        "../scripts/plot_attributes.py"


if ATTRIBUTE_TABLES:
    ANALYSIS += [rules.compare_attributes.output, rules.plot_attributes.output]
