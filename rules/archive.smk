"""What a colleague needs to analyse a finished study again, in one file.

REQUIRED: everything of the rule `analysis`
MAKES:    <results>/archive.tar.gz: tables, figures, records and configuration, without pixels, models and photographs
"""


rule archive:
    """Pack tables, figures, records and configuration of the study into one file."""
    input:
        rules.analysis.input,
    output:
        archive=ensure("<results>/archive.tar.gz", non_empty=True),
    log:
        "<logs>/archive.log",
    benchmark:
        "<benchmarks>/archive.jsonl"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "1h"),
    params:
        configuration=config,
        code=code("archive"),
    script:
        "../scripts/archive.py"
