# Image memorability from autoencoders: the whole study, from images to report.
# What each rule file needs and makes is said at its top; every setting is explained in config.yaml.
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

# Not basedir: another workflow may import this one as a module.
ROOT = Path(str(workflow.current_basedir))


configfile: f"{ROOT}/config.yaml"


include: "rules/common.smk"


# Of a study that is not finished there is no summary to begin with.
report: f"{ROOT}/report/{'workflow' if SUMMARY.is_file() else 'unfinished'}.rst"


include: "rules/fetch.smk"
include: "rules/data.smk"
include: "rules/finetune.smk"
include: "rules/correlate.smk"
include: "rules/external.smk"
include: "rules/attributes.smk"


if study.runs:

    include: "rules/weights.smk"
    include: "rules/selection.smk"
    include: "rules/decay.smk"
    include: "rules/features.smk"
    include: "rules/controls.smk"
    include: "rules/reconstruct.smk"
    include: "rules/duplicates.smk"
    include: "rules/predict.smk"
    include: "rules/pixel_predictors.smk"
    include: "rules/test_sets.smk"
    include: "rules/evaluate.smk"
    include: "rules/explain.smk"
    include: "rules/where.smk"


include: "rules/incremental.smk"
include: "rules/report.smk"
include: "rules/estimate.smk"


rule analysis:
    """What follows from tables alone, once they are there: no images, models or photographs."""
    input:
        ANALYSIS,


include: "rules/archive.smk"
include: "rules/explore.smk"


rule all:
    default_target: True
    input:
        rules.analysis.input,
        ALL,
