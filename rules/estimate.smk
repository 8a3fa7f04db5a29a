"""What the study will take, said before anything runs.

REQUIRED: nothing but the configuration, and of a study of your own its table of scores.
MAKES:    nothing: it prints, and does so each time, for which it must not have a benchmark file
"""


rule estimate:
    """Print jobs, hours on this machine and with more cores, disk and memory of the whole study."""
    log:
        "<logs>/estimate.log",
    localrule: True
    conda:
        "../envs/training.yaml"
    threads: study.settings["compute"]["threads"]
    resources:
        **asking("6GB", "30m", gpu=requests.gpus),
    params:
        dry_run=lambda wildcards: planned(),
        code=code("estimate"),
    script:
        "../scripts/estimate.py"
