"""Measure what networks find in the images of one shard: objects, classes, and foreground."""

from typing import TYPE_CHECKING

from memorability.base.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log(snakemake.log[0]):
    from pathlib import Path

    from memorability.base.job_log import logger, progress
    from memorability.base.seeding import make_deterministic
    from memorability.features.detectors import load_networks, object_features, shard_rows
    from memorability.images.store import open_store
    from memorability.networks.computing import choose_device
    from memorability.tables import store
    from memorability.workflow.records import table_record

    settings = snakemake.params.settings
    make_deterministic(settings["threads"])
    device = choose_device(settings["device"])
    networks, receipts = load_networks(Path(settings["directory"]), device)
    logger.info("loaded %s", [receipt.record() for receipt in receipts])
    ids = store.read(snakemake.input.images, "prepared")["image_id"]
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
    store.write(table, snakemake.output.features, "features", record)
