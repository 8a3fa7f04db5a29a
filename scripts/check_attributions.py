"""Check attributions: other baselines, random weights, deletion and insertion of pixels."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    import numpy as np

    from memorability import tables
    from memorability.attributions.running import check, kept_shards
    from memorability.evaluation import choose_device
    from memorability.images import open_store
    from memorability.models.autoencoder import read_autoencoder
    from memorability.prediction import read_predictor
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    settings, given, code = snakemake.params.settings, snakemake.input, snakemake.params.code
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    record = table_record(snakemake.params.study, settings, code)
    with kept_shards(settings, code, given, device) as shards:
        variants, similarity, curves = check(
            read_autoencoder(given.model),
            read_predictor(given.predictor),
            open_store(given.pixels),
            tables.read(given.images, "images"),
            tables.read(given.predictions, "predictions"),
            tables.read(given.attributions, "attributions"),
            np.load(given.maps, mmap_mode="r"),
            settings,
            device=device,
            shards=shards,
        )
        output = snakemake.output
        tables.write(variants, output.variants, "attribution_variants", record)
        tables.write(similarity, output.similarity, "attribution_similarity", record)
        tables.write(curves, output.curves, "attribution_curves", record)
