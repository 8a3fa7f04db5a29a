"""The tiny study from images to report: what is made, what a change reruns, what two runs share."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image, ImageOps

from memorability.tables import store
from memorability.tables.latents import read_latents
from tests.tables import read_record
from tests.workflow.conftest import dry_run, made_files, put_back
from tests.workflow.data_sets import assert_opens_as_one, data_sets

RUN = "protocol=untrained_start/loss=mse/lr=1e-3/seed=0"
# Everything that `rule all` asks for, below results/tiny.
ASKED_FOR = (
    "tables/table_1.html",
    "tables/table_1.tsv",
    "tables/per_image.parquet",
    "tables/per_image.tsv",
    "tables/summary.html",
    "tables/selection.html",
    "tables/selection.tsv",
    "tables/decay.tsv",
    "tables/claims.html",
    "tables/claims.parquet",
    "tables/claims.tsv",
    "tables/claims_badge.md",
    "tables/rejected.html",
    "tables/rejected.tsv",
    "tables/prediction_search.html",
    "tables/prediction_metrics.html",
    "tables/attribution_checks.tsv",
    "tables/provenance.html",
    "tables/methods.html",
    "tables/methods.txt",
    "tables/citations.bib",
    "provenance.json",
    "predictor/bundle.safetensors",
    "predictor/bundle.json",
    *(
        file
        for quantity in (
            "error", "distinctiveness", "feature", "prediction", "attribution", "matrix", "control",
            "variant",
        )
        for file in (
            f"tables/correlations/{quantity}.parquet",
            f"tables/correlations_{quantity}.tsv",
        )
    ),
    *(
        f"figures/{figure}.{kind}"
        for figure in (
            "scores", "errors/mse", "distinctiveness", "measures", "features", "prediction",
            "attributions", "selection", "decay", "matrix", "controls", "prediction_by_category",
            "prediction_calibration", "prediction_learning", "prediction_search",
            "attribution_baselines", "attribution_weights", "attribution_deletion", "feature_map",
            "feature_variants", "feature_importance",
        )
        for kind in ("svg", "png")
    ),
)  # fmt: skip
# Rules and captions of what the tiny study, of files that are there and one protocol, has not.
UNUSED = {
    "ablate_images", "archive", "compare_attributes", "compare_maps", "compare_on_test_sets",
    "compare_planted", "compare_predictors", "compare_protocols", "estimate", "explore_images",
    "fetch_file", "fit_pixel_predictor", "fit_small_vae", "join_attributes", "join_errors",
    "join_latents", "keep_model", "list_external", "list_units", "look_at_units", "map_embeddings",
    "map_images", "measure_consistency", "measure_objects", "model_counts", "model_trials",
    "modify_images", "plot_ablation_examples", "plot_ablations", "plot_attributes",
    "plot_consistency", "plot_latent_map", "plot_maps", "plot_modified", "plot_pixel_training",
    "plot_planted", "plot_portraits", "plot_predictors", "plot_pretraining",
    "plot_protocol_effects", "plot_seed_agreement", "plot_test_sets", "plot_units", "portray_units",
    "prepare_pretraining", "pretrain", "read_predictions", "read_scores", "read_split",
    "read_test_set", "reconstruct_images", "score_pixels", "score_test_set", "score_trials",
    "simulate_sample", "store_targets", "summarise_ablations", "summarise_modified",
    "unpack_figrim", "unpack_lamem", "unpack_memcat", "unpack_sun", "unpack_things", "view_images",
}  # fmt: skip
UNUSED_CAPTIONS = {
    "ablation_examples", "ablations", "attributes", "consistency", "count_models", "external",
    "external_distinctiveness", "external_error_scatter", "external_errors", "latent_map",
    "latent_maps", "map_agreement", "memorability_maps", "modified_examples", "modified_images",
    "pixel_training", "planted_effects", "predictor_comparison", "pretraining", "protocol_effects",
    "seed_agreement", "sources", "test_sets", "trial_models", "unfinished", "unit_images",
    "unit_portraits", "units",
}  # fmt: skip
UNTOUCHED_BY_RUNS = {
    "prepare_images", "join_scores", "list_rejected", "measure_baselines", "measure_features",
    "plot_scores",
}  # fmt: skip
PLOTS = {
    "plot_attribution_checks", "plot_attributions", "plot_controls", "plot_decay",
    "plot_distinctiveness", "plot_errors", "plot_features", "plot_forest", "plot_increments",
    "plot_matrix", "plot_measures", "plot_prediction", "plot_reconstructions", "plot_scores",
    "plot_search", "plot_selection",
}  # fmt: skip
# Files that are of the form of another table.
SHARED_SCHEMAS = {
    "feature_attributions": "correlations", "feature_model_gains": "prediction_gains",
    "feature_model_metrics": "prediction_metrics",
}  # fmt: skip
Directory = Callable[..., Path]
Snakemake = Callable[..., Any]


def schema_name(path: Path) -> str:
    """Return which table a file is: its stem, or the directory that holds its parts."""
    directories = [part for part in reversed(path.parts[:-1]) if "=" not in part]
    # The correlations of a quantity have its name, which another table may have, too.
    names = ["correlations"] if "correlations" in directories else [path.stem, *directories]
    known = [SHARED_SCHEMAS.get(name, name) for name in names]
    return next(name for name in known if name in store.SCHEMAS or name == "latents")


def correlated(results: Path) -> set[str]:
    """Return the quantities whose correlations lie in the results of a study."""
    return {path.stem for path in (results / "tables" / "correlations").glob("*.parquet")}


def plain_words(caption: str) -> str:
    """Return the longest run of a caption that is plain letters: no markup, nothing filled in, no ²."""
    fixed = re.sub(r"{% if .*?{% (else|endif) %}", "|", caption, flags=re.DOTALL)
    breaks = r"{{.*?}}|{%.*?%}|\n *\n|\n *- |\.\. [\w-]+::|[^a-zA-Z0-9_\s,.;:()-]+"
    runs = re.split(breaks, fixed, flags=re.DOTALL)
    return " ".join(max(runs, key=len).split())


def test_everything_asked_for_is_made(tiny_run: Path, pristine: Path) -> None:
    results = tiny_run / "results" / "tiny"
    missing = [path for path in ASKED_FOR if not (results / path).is_file()]
    empty = [path for path in results.rglob("*") if path.is_file() and not path.stat().st_size]
    assert not missing
    assert all(path.suffix == ".log" for path in empty), empty
    assert not list(results.rglob("*.partial"))
    assert not (pristine / "results" / "tiny").exists(), "--directory keeps the workflow clean"
    assert not (pristine / ".snakemake").exists(), "--directory keeps the workflow clean"


def test_every_job_leaves_a_log_and_a_benchmark(tiny_run: Path, pristine: Path) -> None:
    results = tiny_run / "results" / "tiny"
    rules = {path.stem for path in pristine.glob("scripts/*.py")} - UNUSED
    for kind, suffix in (("logs", "log"), ("benchmarks", "jsonl")):
        found = [path.relative_to(results / kind) for path in (results / kind).rglob(f"*.{suffix}")]
        jobs: dict[str, list[str]] = {}
        for path in found:
            jobs.setdefault(path.parts[0].split(".")[0], []).append(path.as_posix())
        assert set(jobs) == rules
        # A rule has one job, but for a job a quantity of correlations and a worker of the search.
        several = {rule: len(paths) for rule, paths in jobs.items() if len(paths) > 1}
        assert several == {"correlate": len(correlated(results)), "search_predictor": 2}
    for path in (results / "benchmarks").rglob("*.jsonl"):
        assert json.loads(path.read_text())["s"] > 0


def test_tables_are_valid_and_say_where_they_come_from(tiny_run: Path) -> None:
    found = made_files(tiny_run)
    assert {schema_name(path) for path in found} == {
        "images", "prepared", "unusable", "rejected", "errors", "history", "outcomes", "latents",
        "distinctiveness",
        "ceiling", "features", "correlations", "predictions", "prediction_history",
        "prediction_metrics", "attributions", "claims", "selection", "selection_choices",
        "selection_seeds", "decay", "decay_seeds", "matrix", "controls", "split",
        "head_predictions", "left_out", "prediction_search", "prediction_by_category",
        "prediction_gains", "prediction_calibration", "prediction_intervals",
        "near_duplicate_pairs", "near_duplicates", "given_controls", "incremental",
        "attribution_variants", "attribution_similarity", "attribution_curves",
        "attribution_checks", "baselines", "feature_importance", "per_image",
        "table_1", "table_2",
    }  # fmt: skip
    for path in found:
        name = schema_name(path)
        if name == "latents":
            ids, latents = read_latents(tiny_run / path)
            assert latents.shape == (len(ids), 8 * 7 * 7)
            assert np.isfinite(latents).all()
        else:
            table = store.read(tiny_run / path, name)
            assert len(table) or name in {
                "rejected",
                "unusable",
                "near_duplicate_pairs",
                "near_duplicates",
            }, path
        record = read_record(tiny_run / path)
        assert record["study"] == "tiny", path
        assert re.fullmatch("[0-9a-f]{16}", record["configuration"]), path
        assert re.fullmatch("[0-9a-f]{16}", record["code"]), path


def test_every_partitioned_folder_opens_as_one_data_set(tiny_run: Path) -> None:
    results = tiny_run / "results" / "tiny"
    folders = data_sets(results)
    assert set(folders) == {
        "decay", "distinctiveness", "errors", "head_predictions", "history", "latents", "matrix",
        "outcomes", "prediction_search", "tables/correlations",
    }  # fmt: skip
    for name, parts in folders.items():
        assert_opens_as_one(results / name, parts, schema_name(parts[0]))


def test_the_decay_curve_begins_where_the_selected_model_ended(tiny_run: Path) -> None:
    # One epoch of the longer run is the run of Table 1, to the bit.
    results = tiny_run / "results" / "tiny"
    longer = store.read(results / "decay" / RUN / "errors.parquet", "errors")
    run = store.read(results / "errors" / RUN / "part.parquet", "errors")
    first = longer[longer["epoch"] == 1].reset_index(drop=True)
    assert first.equals(run)
    assert not longer.loc[longer["epoch"] == 2, "error"].reset_index(drop=True).equals(run["error"])
    curve = store.read(results / "tables" / "decay.parquet", "decay")
    path = results / "tables" / "correlations" / "error.parquet"
    expected = store.read(path, "correlations")
    columns = ["n", "r", "ci_low", "ci_high", "p"]
    first = curve[curve["epoch"] == 1].set_index(["method", "group"])[columns]
    assert set(first.index.get_level_values("method")) == {"pooled", "within", "partial"}
    assert first.equals(expected.set_index(["method", "group"]).loc[first.index, columns])
    assert set(curve["epoch"]) == {1, 2}


def test_a_model_under_its_own_loss_has_the_errors_of_its_run(tiny_run: Path) -> None:
    results = tiny_run / "results" / "tiny"
    path = results / "matrix/protocol=untrained_start/loss=mse/seed=0/part.parquet"
    table = store.read(path, "matrix")
    run = store.read(results / "errors" / RUN / "part.parquet", "errors")
    assert list(table.loc[table["metric"] == "mse", "error"]) == list(run["error"])
    assert set(table["lr"]) == {"1e-3"}
    assert {"mse", "ms_ssim"} <= set(table["metric"]), "metrics that need no weights are all there"


def test_provenance_names_settings_versions_and_start(tiny_run: Path) -> None:
    record = json.loads((tiny_run / "results" / "tiny" / "provenance.json").read_text())
    assert record["configuration"]["statistics"]["bootstrap"] == 100
    (run,) = record["runs"]
    assert run["settings"]["learning_rate"] == 1e-3
    assert run["receipts"][0]["source"] == "random"
    assert run["environment"]["packages"]["torch"]


def test_second_run_does_nothing(tiny_run: Path, snakemake: Snakemake) -> None:
    done = snakemake(cwd=tiny_run, configfile=tiny_run / "study.yaml")
    assert done.returncode == 0, done.stdout
    assert "Nothing to be done" in done.stdout


def test_report_shows_every_item_with_its_caption(
    tiny_run: Path, snakemake: Snakemake, pristine: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    done = snakemake("--report", page, cwd=tiny_run, configfile=tiny_run / "study.yaml")
    assert done.returncode == 0, done.stdout
    shown = " ".join(page.read_text().replace("\\n", " ").split())
    for caption in sorted(pristine.glob("report/*.rst")):
        # The first page has other words for a study of tables alone.
        first = "fine-tunes an autoencoder on its images, one after the other"
        words = first if caption.stem == "workflow" else plain_words(caption.read_text())
        assert len(words) > 40, f"{caption.name} is too short to explain anything"
        assert (words in shown) == (caption.stem not in UNUSED_CAPTIONS), caption.name
    for file in ASKED_FOR:
        if file.endswith((".svg", ".html")):
            assert f"results/tiny/{file}" in shown, file


def edit(workflow: Path, old: str, new: str) -> Path:
    """Replace text of the package in a copy of the workflow and return the copy's Snakefile."""
    sources = [(path, path.read_text()) for path in (workflow / "memorability").rglob("*.py")]
    ((path, text),) = [source for source in sources if old in source[1]]
    path.write_text(text.replace(old, new))
    return workflow / "Snakefile"


def test_a_copy_of_the_workflow_reruns_nothing_even_with_remarks_and_a_wider_progress_bar(
    tiny_run: Path, snakemake: Snakemake, workflow: Path
) -> None:
    for path in (workflow / "memorability").rglob("*.py"):
        path.write_text(path.read_text() + "\n# one more line\n")
    bar = workflow / "memorability" / "base" / "job_log.py"
    bar.write_text(bar.read_text() + "\nWIDTH = 100\n")
    assert dry_run(snakemake, tiny_run, snakefile=workflow / "Snakefile") == {}


def test_editing_a_loss_reruns_what_depends_on_runs(
    tiny_run: Path, snakemake: Snakemake, workflow: Path
) -> None:
    snakefile = edit(
        workflow,
        "(images - reconstructions).square().mean(dim=(1, 2, 3))",
        "(images - reconstructions).square().sum(dim=(1, 2, 3))",
    )
    needed = dry_run(snakemake, tiny_run, snakefile=snakefile)
    assert needed["finetune"] == 1
    untouched = {"feature", "variant", "baseline"}
    quantities = correlated(tiny_run / "results" / "tiny")
    assert needed["correlate"] == len(quantities - untouched), f"all quantities but {untouched}"
    assert {"encode", "measure_distinctiveness", "predict", "attribute", "judge_claims"} <= set(
        needed
    )
    assert not (UNTOUCHED_BY_RUNS | {"model_features"}) & set(needed)


def test_editing_figures_redraws_them(tiny_run: Path, snakemake: Snakemake, workflow: Path) -> None:
    snakefile = edit(workflow, 'metadata = {"Date": None}', 'metadata = {"Creator": "us"}')
    needed = dry_run(snakemake, tiny_run, snakefile=snakefile)
    assert set(needed) - {"all", "total"} == PLOTS


def changed_study(tiny_run: Path, target: Path, **changes: Any) -> Path:
    """Write an overlay next to that of `tiny_run` with other top-level keys."""
    settings = yaml.safe_load((tiny_run / "study.yaml").read_text()) | changes
    target.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return target


def test_more_draws_rerun_the_statistics_alone(
    tiny_run: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    overlay = changed_study(tiny_run, tmp_path / "study.yaml", statistics={"bootstrap": 200})
    needed = dry_run(snakemake, tiny_run, configfile=overlay)
    assert needed["correlate"] == len(correlated(tiny_run / "results" / "tiny"))
    assert needed["evaluate_prediction"] == 1
    trained = {"finetune", "encode", "measure_distinctiveness", "predict", "attribute"}
    trained |= {"predict_by_head", "predict_left_out", "search_predictor", "prepare_prediction"}
    trained |= {"finetune_decay", "measure_matrix", "measure_controls", "select_learning_rates"}
    assert not (trained | UNTOUCHED_BY_RUNS) & set(needed)


def test_one_epoch_of_decay_leaves_the_curve_out(
    tiny_run: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    overlay = changed_study(
        tiny_run, tmp_path / "study.yaml", study="other", decay={"epochs": 1, "run": "selected"}
    )
    needed = dry_run(snakemake, tiny_run, configfile=overlay)
    assert needed["judge_claims"] == 1
    assert not {"finetune_decay", "measure_decay", "plot_decay"} & set(needed)


def test_more_epochs_of_decay_rerun_the_longer_run_alone(
    tiny_run: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    overlay = changed_study(
        tiny_run, tmp_path / "study.yaml", decay={"epochs": 3, "run": "selected"}
    )
    needed = dry_run(snakemake, tiny_run, configfile=overlay)
    assert needed["finetune_decay"] == needed["measure_decay"] == needed["plot_decay"] == 1
    assert not {"finetune", "correlate", "predict"} & set(needed)


def test_one_more_seed_runs_that_seed_alone(
    tiny_run: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    overlay = changed_study(tiny_run, tmp_path / "study.yaml", seeds=[0, 1])
    needed = dry_run(snakemake, tiny_run, configfile=overlay)
    assert needed["finetune"] == needed["encode"] == needed["measure_distinctiveness"] == 1
    assert not ({"predict", "attribute"} | UNTOUCHED_BY_RUNS) & set(needed)


def test_the_order_of_keys_reruns_nothing(
    tiny_run: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    settings = yaml.safe_load((tiny_run / "study.yaml").read_text())
    overlay = tmp_path / "study.yaml"
    overlay.write_text(yaml.safe_dump(settings, sort_keys=True))
    assert overlay.read_text() != (tiny_run / "study.yaml").read_text()
    assert dry_run(snakemake, tiny_run, configfile=overlay) == {}


def test_braces_in_texts_of_the_user_are_no_placeholders(
    tiny: Directory, snakemake: Snakemake
) -> None:
    columns = {"file": "file {name}", "score": "score {0}", "category": "{category}"}
    study = tiny(dataset={"columns": columns}, attribution={"show": ["{photo} {1}"]})
    assert dry_run(snakemake, study)["plot_attributions"] == 1


def test_too_few_images_to_validate_are_explained(
    tiny_run: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    shutil.copytree(tiny_run, tmp_path / "study")
    split = {"kind": "stratified", "train": 0.66, "validation": 0.04, "test": 0.3}
    prediction = {"hidden": [8], "split": split}
    overlay = changed_study(tiny_run, tmp_path / "study.yaml", prediction=prediction)
    target = "results/tiny/tables/predictions.parquet"
    done = snakemake(target, cwd=tmp_path / "study", configfile=overlay)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert "0 validation images" in done.stdout
    assert "shares in prediction.split" in done.stdout


def test_directory_elsewhere_equals_running_there(
    tiny_run: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    done = snakemake(
        "--dry-run", "--directory", tiny_run, cwd=tmp_path, configfile=tiny_run / "study.yaml"
    )
    assert done.returncode == 0, done.stdout
    assert "Nothing to be done" in done.stdout
    assert not list(tmp_path.iterdir())


def test_published_study_has_390_runs(snakemake: Snakemake, tmp_path: Path) -> None:
    needed = dry_run(snakemake, tmp_path, configfile=None)
    assert needed["finetune"] == 6 * 13 * 5 == 390
    assert needed["encode"] == needed["measure_distinctiveness"] == 5, "seeds of the selected model"
    assert needed["correlate"] == 9
    assert needed["measure_matrix"] == 6 * 5
    assert needed["plot_errors"] == 6
    assert needed["measure_objects"] == 20
    assert needed["finetune_decay"] == 5
    assert needed["prepare_images"] == needed["predict"] == needed["attribute"] == 1
    assert needed["check_attributions"] == 1


# Images and scores that change

TRAINING = {"prepare_images", "finetune", "finetune_decay", "encode", "measure_features"}
JOINED = "results/tiny/images/squash/images.parquet"
REJECTED = "results/tiny/images/squash/rejected.parquet"


@pytest.fixture
def study(tiny_run: Path, tmp_path: Path) -> Path:
    """A finished study to change, with the times of its files."""
    return shutil.copytree(tiny_run, tmp_path / "study", symlinks=True)


def test_files_beside_images_and_new_times_change_nothing(
    study: Path, snakemake: Snakemake
) -> None:
    images = study / "data/images"
    for name in (".DS_Store", "Thumbs.db", "note.txt", "._animal_0.jpg"):
        (images / name).write_text("not an image")
    for folder in ("@eaDir", "__MACOSX"):
        (images / folder).mkdir()
        shutil.copy(images / "food_0.jpg", images / folder)
    for path in [*images.glob("*.jpg"), study / "data/scores.csv"]:
        path.touch()
    assert dry_run(snakemake, study) == {}


def test_a_corrected_score_changes_correlations_and_trains_nothing(
    study: Path, snakemake: Snakemake
) -> None:
    table = study / "data/scores.csv"
    scores = pd.read_csv(table)
    scores.loc[scores["file"] == "food_3.jpg", ["score", "hits", "false_alarms"]] = [0.5, 20, 0]
    put_back(table, lambda: scores.to_csv(table, index=False))
    planned = set(dry_run(snakemake, study))
    assert {"join_scores", "correlate", "predict"} <= planned
    assert not TRAINING & planned
    # A photograph that no row names is listed, and trains nothing either.
    inner = study / "data/images/inner"
    inner.mkdir()
    Image.open(study / "data/images/food_1.jpg").rotate(5).save(inner / "new.jpg")
    done = snakemake(JOINED, REJECTED, cwd=study, configfile=study / "study.yaml")
    assert done.returncode == 0, done.stdout
    assert "rule prepare_images" not in done.stdout
    images = store.read(study / JOINED, "images").set_index("image_id")
    assert images.loc["food_3", "score"] == 0.5
    rejected = store.read(study / REJECTED, "rejected")
    assert rejected["file"].tolist() == ["inner/new.jpg"]


def test_an_image_overwritten_in_place_is_trained_on(study: Path, snakemake: Snakemake) -> None:
    path = study / "data/images/food_3.jpg"
    put_back(path, lambda: ImageOps.mirror(Image.open(path)).save(path))
    assert set(dry_run(snakemake, study)) >= TRAINING
