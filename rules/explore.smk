"""One page on which a reader looks for images, made when it is asked for: snakemake explore_images.

REQUIRED: the table of all images; of a study with runs the analysed model, its latents, attributions
          and prepared images.
MAKES:    <results>/explorer.html
          <results>/reconstructions/small.npy (of photographs that may be shown)
"""

SEEN = {"images": [], "pixels": [], "reconstructions": []}


if not study.without_photographs:

    rule reconstruct_images:
        """Reconstruct every image by the analysed model, as small pictures for the explorer."""
        input:
            pixels=ANALYSED_PIXELS,
            model=ANALYSED_MODEL,
        output:
            pixels=ensure("<results>/reconstructions/small.npy", non_empty=True),
        log:
            "<logs>/reconstruct_images.log",
        benchmark:
            "<benchmarks>/reconstruct_images.jsonl"
        conda:
            "../envs/training.yaml"
        threads: study.settings["compute"]["threads"]
        resources:
            **asking(
                requests.analysis_memory,
                requests.runtime("reconstruct_images"),
                gpu=requests.gpus,
            ),
        params:
            settings=job_settings.machine(study),
            batch_norm_mode=study.protocols[ANALYSED.protocol].batch_norm_mode,
            code=code("reconstruct_images"),
        script:
            "../scripts/reconstruct_images.py"

    SEEN = {
        "images": ANALYSED_IMAGES,
        "pixels": ANALYSED_PIXELS,
        "reconstructions": rules.reconstruct_images.output.pixels,
    }


rule explore_images:
    """Write one page of all images: filtered, sorted, and one in full with its nearest neighbours."""
    input:
        **SEEN,
        per_image=rules.describe_images.output.table,
        latents=paths.explored_latents(study),
        attributions=[rules.attribute.output.attributions] if study.runs else [],
        maps=[rules.attribute.output.maps] if study.runs else [],
    output:
        page="<results>/explorer.html",
    log:
        "<logs>/explore_images.log",
    benchmark:
        "<benchmarks>/explore_images.jsonl"
    conda:
        "../envs/analysis.yaml"
    resources:
        **asking("4GB", requests.runtime("explore_images")),
    params:
        settings={
            "study": study.name,
            "target": study.settings["statistics"]["target"],
            "loss": study.settings["selected"]["loss"] if study.runs else "",
            "losses": {loss: metric_label_of(loss) for loss in study.settings["losses"]},
            "note": notes.study_note(study),
            "without_photographs": study.without_photographs,
            "search": study.settings["distinctiveness"]["search"],
        },
        code=code("explore_images"),
    script:
        "../scripts/explore_images.py"
