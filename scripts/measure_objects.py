"""Measure what networks find in the images of one shard: objects, classes, and foreground."""

from typing import TYPE_CHECKING

from memorability.job import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability import tables
    from memorability.evaluation import choose_device
    from memorability.features.networks import load_networks, object_features, shard_rows
    from memorability.images import open_store
    from memorability.job import logger, progress
    from memorability.provenance import table_record
    from memorability.seeding import make_deterministic

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    networks, receipts = load_networks(Path(settings["directory"]), device)
    logger.info("loaded %s", [receipt.record() for receipt in receipts])
    ids = tables.read(snakemake.input.images, "prepared")["image_id"]
    rows = shard_rows(len(ids), int(snakemake.wildcards.shard), settings["shards"])
    with progress(rows.stop - rows.start, "measuring objects") as step:
        features = object_features(
            open_store(snakemake.input.pixels)[rows],
            networks,
            score_threshold=settings["score_threshold"],
            class_probability=settings["class_probability"],
            device=device,
            on_image=step,
        )
    table = features.assign(image_id=ids[rows].to_numpy()).melt("image_id", var_name="feature")
    record = table_record(snakemake.params.study, settings, snakemake.params.code)
    tables.write(table, snakemake.output.features, "features", record)
