"""Compare predictors of pixels on the study's own test images and on further data sets."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    import pandas as pd

    from memorability.prediction.names import OWN_TEST_IMAGES
    from memorability.report.sentences.test_sets import write_test_sets
    from memorability.scorer.further_sets import (
        FurtherSettings,
        compare_further,
        own_images,
        own_scores,
    )
    from memorability.tables import store

    keys = [store.partition_keys(path) for path in job.input.predictions]
    fits = [
        (key["target"], key["head"], rows)
        for key, rows in zip(keys, job.read_each("predictions", "head_predictions"), strict=True)
    ]
    names = [store.partition_keys(path)["set"] for path in job.input.images_of_sets]
    images = dict(zip(names, job.read_each("images_of_sets", "images"), strict=True))
    split = job.read("split")
    table = compare_further(
        images | {OWN_TEST_IMAGES: own_images(job.read("images"), split)},
        pd.concat(
            [own_scores(fits, split), job.read_runs("scores", "test_set_scores")],
            ignore_index=True,
        ),
        failures=store.failed_fits(job.input.predictions),
        settings=job.read_settings(FurtherSettings),
    )
    job.write("table", table, "test_sets")
    write_test_sets(table, job.output.page, note=job.params.note)
