"""The choice of a learning rate: the published rule beside honest ones.

REQUIRED: errors of all runs and their correlations; prepared images.
MAKES:    <results>/tables/selection.*, selection_choices.parquet, selection_seeds.parquet
          <results>/figures/selection.*
"""


rule select_learning_rates:
    """Choose each loss's learning rate on the same data, on half the images, on half the responses."""
    input:
        errors=ERRORS,
        images=IMAGES,
    output:
        **tabled("selection", "selection"),
        **tabled("selection_choices", "choices"),
        **tabled("selection_seeds", "seeds"),
        page=page("selection", caption="selection_table"),
    log:
        "<logs>/select_learning_rates.log",
    benchmark:
        "<benchmarks>/select_learning_rates.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("4GB", requests.runtime("select_learning_rates")),
    params:
        study=study.name,
        settings=job_settings.selection(study),
        note=notes.study_note(study),
        code=code("select_learning_rates"),
    script:
        "../scripts/select_learning_rates.py"


rule plot_selection:
    """Draw the correlation of every learning rate of every loss, with both choices marked."""
    input:
        correlations=expand(rules.correlate.output.correlations, quantity="error"),
        selection=rules.select_learning_rates.output.selection,
        choices=rules.select_learning_rates.output.choices,
        seeds=rules.select_learning_rates.output.seeds,
    output:
        **drawn("selection"),
    log:
        "<logs>/plot_selection.log",
    benchmark:
        "<benchmarks>/plot_selection.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("1GB", "5m"),
    params:
        confidence=CONFIDENCE,
        note=notes.study_note(study),
        code=code("plot_selection"),
    script:
        "../scripts/plot_selection.py"


ANALYSIS += [rules.select_learning_rates.output, rules.plot_selection.output]
