"""Images that are nearly the same picture, and whether the split separates them.

REQUIRED: prepared images and their split.
MAKES:    <results>/images/near_duplicate_pairs.parquet (with prediction.split.group_near_duplicates: what the split reads)
          <results>/tables/near_duplicates.*
"""


rule find_near_duplicates:
    """Find pairs of prepared images that are nearly the same picture, or its mirror image."""
    input:
        images=PREPARED,
        pixels=PIXELS,
    output:
        pairs=ensure(paths.near_duplicate_pairs(study), non_empty=True),
    log:
        "<logs>/find_near_duplicates.log",
    benchmark:
        "<benchmarks>/find_near_duplicates.jsonl"
    conda:
        "../envs/data.yaml"
    resources:
        **asking("1GB", "30m"),
    params:
        study=study.name,
        code=code("find_near_duplicates"),
    script:
        "../scripts/find_near_duplicates.py"


rule list_near_duplicates:
    """List the near duplicates with their parts of the split: a table, and a page with pictures."""
    input:
        pairs=rules.find_near_duplicates.output.pairs,
        images=IMAGES,
        split=paths.split_file(study),
        prepared=PREPARED,
        pixels=PIXELS,
    output:
        **tabled("near_duplicates", "table"),
        page=page("near_duplicates"),
    log:
        "<logs>/list_near_duplicates.log",
    benchmark:
        "<benchmarks>/list_near_duplicates.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        study=study.name,
        note=notes.study_note(study),
        code=code("list_near_duplicates"),
    script:
        "../scripts/list_near_duplicates.py"


ANALYSIS += [
    rules.list_near_duplicates.output.table,
    rules.list_near_duplicates.output.table_tsv,
]
# The page shows photographs, which an archive has not.
ALL += [rules.list_near_duplicates.output.page]
