"""Files from outside: data sets and pretrained weights.

REQUIRED: a network, on the machine where Snakemake itself runs; or files put in place by hand.
MAKES:    resources/downloads/, resources/weights/, resources/downloads.sha256
"""


localrules:
    fetch,
    fetch_file,


rule fetch:
    """Fetch every file that this study needs from outside, and nothing else."""
    input:
        [download.path for download in study.downloads],


rule fetch_file:
    """Download one file, check it and put it in place whole."""
    output:
        "resources/{place}/{file}",
    log:
        "<logs>/fetch_file/{place}/{file}.log",
    benchmark:
        "<benchmarks>/fetch_file/{place}/{file}.jsonl"
    conda:
        "../envs/fetch.yaml"
    threads: 1
    resources:
        mem="1GB",
        runtime="12h",
    message:
        "Download {output}: {params.about}"
    params:
        about=lambda wildcards: DOWNLOADS[f"resources/{wildcards.place}/{wildcards.file}"].about,
    script:
        "../scripts/fetch_file.py"
