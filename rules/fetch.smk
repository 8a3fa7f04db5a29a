"""Files from outside: data sets and pretrained weights (memorability/sources/downloads.yaml).

REQUIRED: a network on the machine where Snakemake itself runs, or the files put in place by hand.
MAKES:    resources/downloads/, resources/weights/, resources/downloads.sha256
"""

import re

from memorability.sources.downloads import registered, registry

# A file that is there is a source, which no run may remove: Snakemake would remove an output of this
# rule to make it anew, for another wording here or because an earlier download was killed.
MISSING_DOWNLOADS = [
    re.escape(download.file)
    for download in registry().values()
    if not Path("resources", download.path).exists()
]


rule fetch:
    """Fetch every file that this study needs from outside, and nothing else."""
    input:
        [f"resources/{download.path}" for download in paths.downloads(study)],
    localrule: True


rule fetch_file:
    """Download one file, check it and put it in place whole."""
    output:
        "resources/{place}/{file}",
    log:
        "<logs>/fetch_file/{place}/{file}.log",
    benchmark:
        "<benchmarks>/fetch_file/{place}/{file}.jsonl"
    wildcard_constraints:
        place="downloads|weights",
        file="|".join(MISSING_DOWNLOADS) or "none",
    localrule: True
    conda:
        "../envs/fetch.yaml"
    resources:
        mem="1GB",
        runtime="1d",
    params:
        size=lambda wildcards: registered(wildcards.file).size_in_words,
        purpose=lambda wildcards: registered(wildcards.file).purpose,
        licence=lambda wildcards: registered(wildcards.file).licence_in_words,
    message:
        "Download {output}: {params.purpose}; licence: {params.licence}; size: {params.size}."
    script:
        "../scripts/fetch_file.py"
