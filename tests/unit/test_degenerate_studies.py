"""Studies that hold next to nothing: each script ends with its files, or with a sentence.

The scripts themselves run, from the image table and what was measured of images to the first page, with
what Snakemake would hand to them. Only what needs pixels is left out.
"""

import html
import re
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from memorability.analysis.distinctiveness import distinctiveness_table
from memorability.base.arrays import NpyWriter
from memorability.base.run_keys import METRIC_KEYS
from memorability.features.names import OBJECT_FEATURES, OBJECT_VARIANTS, TABLE_2, VARIANTS_OF
from memorability.memory_game.scoring import score_counts
from memorability.prediction.names import EACH
from memorability.report.citing import methods
from memorability.report.citing.references import cited
from memorability.study import job_settings
from memorability.study.resolve import resolve
from memorability.tables import store
from tests.workflow.conftest import TINY, merged

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
STUDY = resolve(merged(CONFIG, merged(TINY, {"features": {"objects": False}})), ROOT)
RUN = "protocol=untrained_start/loss=mse/lr={lr}/seed={seed}"
SHARED = {"study": "tiny", "note": "A note.", "code": "", "confidence": 0.95}
DRAWN = {"target": "score", "score": "memorability", "bins": "published"}
EXPLORER = {
    "study": "tiny", "target": "score", "loss": "mse", "losses": {"mse": "MSE"}, "note": "A note.",
    "without_photographs": "There are none.", "search": "exact",
}  # fmt: skip
DIVERGED = "memnet_trained"
"""A predictor of pixels of every study here: its training diverged."""
KINDS = ("three images", "equal scores", "one response", "equal images", "diverged", "two tested")


class Named(dict[str, Any]):
    """Values by name, as Snakemake hands them to a script."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


class Made(Named):
    """Files that a script makes, each named when it is asked for."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory

    def __missing__(self, name: str) -> str:
        directory = self.directory
        directory.mkdir(parents=True, exist_ok=True)
        kind = {"page": "html", "badge": "md", "predictor": "safetensors"}.get(name, "parquet")
        kind = name[-3:] if name.endswith(("svg", "png")) else kind
        return self.setdefault(name, str(directory / f"{name}.{kind}"))


class Workflow:
    """Runs scripts in one directory, and knows the sentences of those that refused."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.refusals: dict[str, str] = {}

    def run(self, script: str, inputs: dict[str, Any], job: str = "", **params: Any) -> Made | None:
        """Run a script; return what it made, or None where it refused or an input is not there."""
        if any(path is None for path in inputs.values()):
            return None
        # Of predictions the path names the head; other tables name their keys themselves.
        place = job if script == "predict_by_head" else job.rpartition("=")[2]
        output = Made(self.directory / "made" / script / place)
        log = self.directory / "logs" / f"{script}{job.replace('/', '_')}.log"
        log.parent.mkdir(exist_ok=True)
        names = dict(key.split("=") for key in job.split("/") if job)
        snakemake = SimpleNamespace(
            input=Named(inputs), output=output, params=Named(SHARED | params), threads=1, config={},
            wildcards=SimpleNamespace(**names), log=[str(log)],
        )  # fmt: skip
        try:
            runpy.run_path(str(ROOT / f"scripts/{script}.py"), {"snakemake": snakemake})
        except SystemExit:
            self.refusals[script] = log.read_text(encoding="utf-8").splitlines()[-1]
            return None
        return output


def image_table(kind: str, stream: np.random.Generator) -> pd.DataFrame:
    n = {"three images": 3, "two tested": 8}.get(kind, 12)
    hits, false_alarms = stream.integers(10, 38, n), stream.integers(0, 9, n)
    responses = np.full(n, 1 if kind == "one response" else 40)
    if kind == "equal scores":
        hits, false_alarms = np.full(n, 20), np.zeros(n, int)
    if kind == "one response":
        hits, false_alarms = np.arange(n) % 2, np.zeros(n, int)
    counts = {"hits": hits, "false_alarms": false_alarms, "responses": responses}
    table = pd.DataFrame({name: pd.array(of, dtype="Int64") for name, of in counts.items()})
    ids = [f"i{number:02d}" for number in range(n)]
    sizes = np.full(n, 200) if kind == "equal images" else stream.integers(150, 200, n)
    return table.assign(
        image_id=ids, file=[f"{name}.jpg" for name in ids], subcategory="",
        category=["a"] * n if kind in KINDS[:3] else ["a", "b"] * (n // 2),
        width=pd.array([200] * n, dtype="Int64"), height=pd.array(sizes, dtype="Int64"),
        position=np.arange(n), **score_counts(table),
    )  # fmt: skip


def written(table: pd.DataFrame, path: Path, name: str) -> str:
    store.write(table, path, name)
    return str(path)


def measured(kind: str, directory: Path) -> dict[str, Any]:
    """Write the image table and what is measured of images, and return the files."""
    stream = np.random.default_rng(1)
    images = image_table(kind, stream)
    ids, n = images["image_id"], len(images)
    equal = kind == "equal images"

    def values() -> np.ndarray:
        return np.full(n, 0.25) if equal else stream.random(n)

    files: dict[str, Any] = {"images": written(images, directory / "images.parquet", "images")}
    runs = [(lr, seed) for lr in ("1e-3", "1e-4") for seed in (0, 1)]
    keys = {
        "metric": "mse",
        "backbone": "none",
        "trained_by": "",
        "published": "",
        "sign": "distance",
    }
    lost = kind == "diverged"
    outcome = {
        "outcome": "diverged" if lost else "finished", "step": 1, "epoch": 1, "image_id": "i00",
        "learning_rate": 0.1, "reason": "the loss is nan" if lost else "",
    }  # fmt: skip
    files |= {name: [] for name in ("errors", "outcomes", "distinctiveness", "decay")}
    for lr, seed in runs:
        run = RUN.format(lr=lr, seed=seed)
        errors = np.full(n, np.nan) if lost else values()
        table = pd.DataFrame({"epoch": 1, "image_id": ids, **keys, "error": errors})
        path = directory / "errors" / run / "part.parquet"
        files["errors"].append(written(table, path, "errors"))
        path = directory / "outcomes" / run / "part.parquet"
        files["outcomes"].append(written(pd.DataFrame([outcome]), path, "outcomes"))
    latents = np.ones((n, 6), np.float32) if equal else stream.random((n, 6)).astype(np.float32)
    for seed in (0, 1):
        run = RUN.format(lr="1e-3", seed=seed)
        table = pd.read_parquet(directory / "errors" / run / "part.parquet")
        both = pd.concat([table, table.assign(epoch=2)])
        files["decay"].append(written(both, directory / "decay" / run / "part.parquet", "errors"))
        table = distinctiveness_table(
            list(ids), latents, images.set_index("image_id")["category"], neighbours=10
        )
        path = directory / "distinctiveness" / run / "part.parquet"
        files["distinctiveness"].append(written(table, path, "distinctiveness"))
    without = {*OBJECT_FEATURES, *OBJECT_VARIANTS}
    features = [
        pd.DataFrame({"image_id": ids, "feature": name, "value": values()})
        for name in (*TABLE_2, *VARIANTS_OF)
        if name not in without
    ]
    files["features"] = [written(pd.concat(features), directory / "features.parquet", "features")]
    no_error = dict.fromkeys((*METRIC_KEYS, "model", "seed"), "")
    controls = pd.DataFrame(
        {"image_id": ids, **no_error, "metric": "jpeg_bytes", "error": values()}
    )
    files["controls"] = [written(controls, directory / "controls.parquet", "controls")]
    attributions = pd.DataFrame(
        {"image_id": ids, "drawn": True, "baseline": "grey", "mean_absolute": values(),
         "mean_signed": values(), "mean_positive": values(), "predicted": 0.5,
         "predicted_baseline": 0.4, "convergence_delta": 0.1, "converged": False,
         "row": np.arange(n), "scale": 0.1}
    )  # fmt: skip
    path = directory / "attributions.parquet"
    files["attributions"] = written(attributions, path, "attributions")
    files["latents"] = str(directory / "latents.npy")
    with NpyWriter(files["latents"], latents.shape, np.float32, sealed=True) as writer:
        writer.append(latents)
    return files


def made(output: Made | None, name: str) -> str | None:
    return output[name] if output else None


def known(*paths: str | None) -> list[str]:
    return [path for path in paths if path]


def whole_study(workflow: Workflow, files: dict[str, Any]) -> str:
    """Run everything that follows from what was measured, and return the first page, as text."""
    run, images = workflow.run, files["images"]
    correlation, bootstrap = job_settings.correlation(STUDY), job_settings.bootstrap(STUDY)
    split_of = job_settings.split(STUDY)
    split = made(
        run(
            "split_images",
            {"images": images, "official_splits": [], "near_duplicates": []},
            settings=split_of,
        ),
        "split",
    )
    ceiling = known(
        made(
            run("estimate_ceiling", {"images": images}, settings=job_settings.ceiling(STUDY)),
            "ceiling",
        )
    )
    labels = {"images": images, "split": split}
    baselines = made(run("measure_baselines", labels, settings={"target": "score"}), "baselines")
    run("plot_scores", {"images": images}, **DRAWN)

    def correlated(quantity: str, values: list[str]) -> str | None:
        inputs = {
            "values": values, "images": images, "ceiling": ceiling, "baselines": baselines,
            "outcomes": files["outcomes"] if quantity == "error" else [],
        }  # fmt: skip
        output = run("correlate", inputs, f"quantity={quantity}", settings=correlation)
        return made(output, "correlations")

    error = correlated("error", files["errors"])
    distinct = correlated("distinctiveness", files["distinctiveness"])
    feature, variant = (correlated(name, files["features"]) for name in ("feature", "variant"))
    baseline = correlated("baseline", known(baselines))
    errors = {"errors": files["errors"], "images": images}
    chosen = run("select_learning_rates", errors, settings=job_settings.selection(STUDY))
    varied = {"untrained_start": "order"}
    table_1 = run("summarise_errors", {"correlations": error}, seeds_vary=varied)
    run("plot_errors", errors | {"correlations": error}, "loss=mse", **DRAWN)
    tables = {name: made(chosen, name) for name in ("selection", "choices", "seeds")}
    run("plot_selection", tables | {"correlations": error})
    run("plot_seed_agreement", {"errors": files["errors"], "correlations": error})
    models = {"protocol": "untrained_start", "loss": "mse"}
    run("plot_forest", {"correlations": known(error, distinct, baseline)}, **models)
    run("plot_measures", {"correlations": distinct})
    inputs = {"distinctiveness": files["distinctiveness"], "images": images}
    run("plot_distinctiveness", inputs | {"correlations": distinct}, loss="MSE", **DRAWN)
    decay = run("measure_decay", errors | {"errors": files["decay"]}, settings=correlation)
    run("plot_decay", {name: made(decay, name) for name in ("decay", "seeds")}, compared=False)

    of_features = {"features": files["features"], "images": images}
    modelled = run("model_features", of_features | {"split": split}, settings=bootstrap)
    attributed = {"attributions": files["attributions"], "correlations": feature}
    table_2 = run(
        "summarise_features", of_features | attributed, settings=job_settings.table_2(STUDY)
    )
    inputs = {
        "table": made(table_2, "table"), "readings": known(feature, variant),
        "features": files["features"], "importance": made(modelled, "importance"),
        "metrics": made(modelled, "metrics"),
    }  # fmt: skip
    run("plot_features", inputs, compared=False, table_note="")

    known_latents = {"latents": files["latents"], "images": images, "split": split, "search": []}
    predictor = run("predict", known_latents, settings=job_settings.predictor(STUDY))
    heads = [
        made(
            run("predict_by_head", known_latents, f"head={head}", settings=settings), "predictions"
        )
        for settings in [job_settings.heads(STUDY)]
        for head in ("ridge", "svr", "gru_pair")
    ]
    predictions = made(predictor, "predictions")
    diverged = workflow.directory / f"head={DIVERGED}" / "part.parquet"
    nothing = pd.DataFrame(columns=["image_id", "other_image_id", "predicted"])
    store.write(nothing, diverged, "head_predictions", {"reason": "The training diverged."})
    heads.append(str(diverged))
    inputs = {"predictions": predictions, "heads": known(*heads), "left_out": [], "images": images}
    of_test = {"predictions": predictions, "images": images}
    run("measure_intervals", of_test, settings={"confidence": 0.95})
    how = {"bootstrap": bootstrap, "median_of": "train"}
    evaluation = run("evaluate_prediction", inputs, settings=how)
    evaluated = {
        name: made(evaluation, name) for name in ("metrics", "gains", "calibration", "by_category")
    }
    settings = job_settings.comparison(STUDY)
    settings["known"][DIVERGED] = {"predicts": EACH, "trained_on": "training part"}
    beside = run(
        "compare_predictors", inputs | {"of_targets": [], "test_sets": []}, settings=settings
    )
    run("plot_predictors", {name: made(beside, name) for name in ("comparison", "by_category")})
    inputs |= evaluated | {"history": made(predictor, "history")}
    run("plot_prediction", inputs, settings=bootstrap, threshold="train", score="memorability")

    inputs = {
        "correlations": known(error, distinct, feature), "images": images,
        "metrics": known(evaluated["metrics"]), "predictions": known(predictions),
        "ceiling": ceiling, "decay": known(made(decay, "decay")), "features": [],
        "attributions": [files["attributions"]], "test_sets": [],
    }  # fmt: skip
    claims = made(run("judge_claims", inputs, settings=job_settings.claims(STUDY)), "claims")
    quantities = {"quantities": ["error", "distinctiveness"]}
    inputs = {
        "images": images, "error": files["errors"], "distinctiveness": files["distinctiveness"],
        "outcomes": files["outcomes"], "features": files["features"], "controls": files["controls"],
        "predictions": [],
    }  # fmt: skip
    added = made(run("measure_increments", inputs, settings=correlation, **quantities), "table")
    run("plot_increments", {"increments": added})
    inputs = {
        "images": images, "error": files["errors"], "distinctiveness": files["distinctiveness"],
        "correlations": known(error, distinct), "outcomes": files["outcomes"],
        "predictions": known(predictions), "features": files["features"],
        "heads": [],
    }  # fmt: skip
    described = run(
        "describe_images", inputs, settings={"protocol": "untrained_start"}, **quantities
    )
    per_image = {"per_image": made(described, "table")}
    more = ("images", "pixels", "reconstructions", "latents", "attributions", "maps")
    without: dict[str, Any] = {name: [] for name in more}
    explorer = run("explore_images", per_image | without, settings=EXPLORER)
    assert made(explorer, "page") is not None, workflow.refusals
    inputs = {
        "images": images, "ceiling": ceiling, "predictions": [],
        "attributions": [files["attributions"]],
    }  # fmt: skip
    told = run("describe_methods", inputs, settings=methods.facts(STUDY), cited=cited(STUDY))
    assert told is not None, workflow.refusals
    run("model_counts", per_image, settings=job_settings.response_models(STUDY))
    inputs = {
        "correlations": known(error, distinct), "claims": claims,
        "table_1": known(made(table_1, "table")), "table_2": known(made(table_2, "table")),
        "selection": known(tables["selection"]), "attributions": [files["attributions"]],
        "decay": known(made(decay, "decay")),
        **{name: known(evaluated[name]) for name in ("metrics", "gains", "calibration")},
        "increments": added, "given_controls": [], "near_duplicates": [],
        "comparison": known(made(beside, "comparison")),
    }  # fmt: skip
    page = made(run("summarise_study", inputs, **quantities), "page")
    assert page is not None, workflow.refusals
    body = Path(page).read_text(encoding="utf-8").partition("<div")[2]
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", body)).split())


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    # Scripts are found, and Matplotlib draws no windows, wherever the tests are started from.
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "refused", "says", "never"),
    [
        (
            "three images",
            {"model_features": "use more images", "predict_by_head": "Use more images"},
            ["is not shown to correlate", "fewer than 10 images", "nothing can be ranked"],
            [" correlates with", "of 8 image features"],
        ),
        ("equal scores", {}, ["constant values", "same score: nothing can be ranked"], ["r = "]),
        ("one response", {}, ["How reliable the scores are"], ["come without counts"]),
        ("equal images", {}, ["constant values", "it can rank none"], ["can be of use"]),
        ("diverged", {}, ["all seeds diverged", "all its runs diverged"], []),
        (
            "two tested",
            {},
            ["2 unseen images are too few", "none of the 115 published"],
            ["is worse than the"],
        ),
    ],
)
def test_a_degenerate_study_ends_in_sentences(
    tmp_path: Path, kind: str, refused: dict[str, str], says: list[str], never: list[str]
) -> None:
    workflow = Workflow(tmp_path)
    page = whole_study(workflow, measured(kind, tmp_path))
    assert workflow.refusals.keys() == refused.keys()
    for script, remedy in refused.items():
        assert remedy in workflow.refusals[script]
    assert [part for part in says if part not in page] == [], page
    assert [part for part in never if part in page] == [], page
    shown = [*tmp_path.rglob("*.html")]
    assert any("The training diverged." in path.read_text(encoding="utf-8") for path in shown)
    for path in shown:
        cells = re.findall(r"<td.*?>(.*?)</td>", path.read_text(encoding="utf-8"))
        assert not {"nan", "NaN", "None", "<NA>", "−0.000"} & set(cells), path
