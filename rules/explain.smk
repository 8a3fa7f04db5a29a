"""Which pixels move the predicted memorability.

REQUIRED: the selected model, the predictor, prepared images.
MAKES:    <results>/tables/attributions.parquet, <results>/attributions/maps.npy
          <results>/figures/attributions.*
"""


rule attribute:
    """Attribute the predicted memorability of test images to their pixels (Integrated Gradients)."""
    input:
        images=ANALYSED_IMAGES,
        pixels=ANALYSED_PIXELS,
        predictions=rules.predict.output.predictions,
        predictor=rules.predict.output.predictor,
        model=f"<results>/{study.analysed_models}/{ANALYSED}/autoencoder.safetensors",
    output:
        attributions=ensure("<results>/tables/attributions.parquet", non_empty=True),
        maps=ensure("<results>/attributions/maps.npy", non_empty=True),
    log:
        "<logs>/attribute.log",
    benchmark:
        "<benchmarks>/attribute.jsonl"
    conda:
        "../envs/training.yaml"
    threads: 2
    resources:
        mem=study.training_memory(study.settings["selected"]["protocol"]),
        runtime="48h",
        gpu=study.gpus,
    params:
        study=study.name,
        settings=study.settings["attribution"]
        | {
            "seed": study.settings["statistics"]["seed"],
            "device": study.settings["compute"]["device"],
            "threads": 2,
        },
        code=fingerprint("attribution", "prediction", "models.autoencoder"),
    script:
        "../scripts/attribute.py"


rule plot_attributions:
    """Draw photographs of each category in ascending memorability with their attributions (Figure 4)."""
    input:
        images=ANALYSED_IMAGES,
        pixels=ANALYSED_PIXELS,
        attributions=rules.attribute.output.attributions,
        maps=rules.attribute.output.maps,
    output:
        svg=report(
            "<results>/figures/attributions.svg",
            caption="../report/attributions.rst",
            category="5. Attribution",
            labels={"what": "attribution maps"},
        ),
        png="<results>/figures/attributions.png",
    log:
        "<logs>/plot_attributions.log",
    benchmark:
        "<benchmarks>/plot_attributions.jsonl"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem="2GB",
        runtime="10m",
    params:
        note=study.note,
        code=fingerprint("figures"),
    script:
        "../scripts/plot_attributions.py"
