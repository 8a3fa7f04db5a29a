# Image memorability from autoencoders: the whole study, from images to report.
# What each rule file needs and makes is said at its top; every setting is explained in config.yaml.
from snakemake.utils import min_version

min_version("9.27")


configfile: f"{workflow.basedir}/config.yaml"


report: "report/workflow.rst"


include: "rules/common.smk"
include: "rules/fetch.smk"
include: "rules/data.smk"
include: "rules/finetune.smk"
include: "rules/correlate.smk"
include: "rules/external.smk"


if study.runs:

    include: "rules/weights.smk"
    include: "rules/selection.smk"
    include: "rules/decay.smk"
    include: "rules/features.smk"
    include: "rules/controls.smk"
    include: "rules/predict.smk"
    include: "rules/explain.smk"


include: "rules/report.smk"
include: "rules/estimate.smk"


rule analysis:
    """What follows from tables alone, once they are there: no images, models or photographs."""
    input:
        rules.summarise_errors.output if "error" in QUANTITIES else [],
        rules.judge_claims.output,
        rules.record_provenance.output,
        rules.estimate_ceiling.output if study.has_counts else [],
        rules.plot_scores.output,
        [rules.measure_consistency.output, rules.plot_consistency.output] if study.trials else [],
        expand(rules.correlate.output, quantity=QUANTITIES),
        rules.plot_forest.output,
        rules.list_external.output if EXTERNAL_COUNTS else [],
        expand(rules.plot_external_errors.output, loss=study.settings["external_errors"]),
        expand(rules.plot_external_distinctiveness.output, loss=study.settings["external_latents"]),
        [
            rules.list_rejected.output,
            rules.plot_pretraining.output if study.pretrainings else [],
            expand(rules.plot_errors.output, loss=study.settings["losses"]),
            rules.compare_protocols.output if len(study.protocols) > 1 else [],
            rules.plot_protocol_effects.output if len(study.protocols) > 1 else [],
            rules.select_learning_rates.output,
            rules.plot_selection.output,
            [rules.measure_decay.output, rules.plot_decay.output] if study.decays else [],
            rules.plot_distinctiveness.output,
            rules.plot_measures.output,
            rules.summarise_features.output,
            rules.plot_features.output,
            rules.plot_matrix.output,
            rules.plot_controls.output,
            rules.plot_prediction.output,
            [rules.choose_predictor.output, rules.plot_search.output] if study.searches else [],
            rules.plot_attribution_checks.output,
        ]
        if study.runs
        else [],


include: "rules/archive.smk"


rule all:
    default_target: True
    input:
        rules.analysis.input,
        [
            [study.kept_file(run) for run in study.kept],
            rules.bundle_predictor.output,
            rules.plot_attributions.output,
        ]
        if study.runs
        else [],
