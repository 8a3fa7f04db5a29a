"""Growth: time and memory of every job of a study of 100, 1,000 and 10,000 images.

The workflow itself runs on synthetic photographs (JPEG, 256 × 256, smooth noise); seconds and memory
are those of its own benchmark files, libraries and start-up included. Memory is the most that was seen,
looking twice a second for half a minute and then every half minute. An image costs as much whatever
came before it, so autoencoders have width 1/64, the predictor trains two epochs, intervals come from
2,000 draws and Integrated Gradients take 5 steps for a tenth of the images: these rows show growth, not
what a job of the published study takes. What reads latents is measured again with synthetic ones of
25,088 values; measure_matrix and measure_controls have no more than 1,000 images.
*∝ N^k*: k is the slope from the second largest to the largest size, on logarithms of both; a job of a
few seconds is mostly start-up. The figure is docs/pictures/growth.png.
"""

import json
import math
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.bench_neighbours import VALUES, latents_of
from benchmarks.harness import Row, Timing
from memorability.report.figures.style import COLOURS, styled
from memorability.tables.latents import LatentFile, write_latents

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "pictures" / "growth.png"
SIZES = (100, 1_000, 10_000)
# Rules that would take more than some three minutes of more images, and whose images do not know of
# each other.
AT_MOST = {"measure_matrix": 1_000, "measure_controls": 1_000}
SCORES = ("file", "score", "category", "subcategory", "hits", "false_alarms", "responses")
"""Columns of the table of scores."""
# What reads latents, in the order of the workflow.
OF_LATENTS = (
    "measure_distinctiveness", "prepare_prediction", "predict", "predict_by_head", "predict_left_out",
)  # fmt: skip
QUADRATIC = f"measure_distinctiveness, latents of {VALUES:,}"
STUDY: dict[str, Any] = {
    "study": "growth",
    "images": {"on_bad_image": "stop"},
    "protocols": ["untrained_start"],
    "losses": ["mse"],
    "learning_rates": ["1e-4"],
    "seeds": [0],
    "selected": {"protocol": "untrained_start", "loss": "mse", "learning_rate": "1e-4"},
    "decay": {"epochs": 1},
    "autoencoder": {"width": 1 / 64},
    "weights": {"source": "random"},
    "statistics": {"bootstrap": 2_000},
    "prediction": {
        "split": {"kind": "stratified"},
        "max_epochs": 2,
        "patience": 2,
        "heads": ["ridge", "svr"],
    },
}
Measured = dict[str, dict[int, tuple[float, float]]]
"""Stage -> number of images -> seconds of its jobs together, largest memory of one in 10⁶ bytes."""


def rows() -> list[Row]:
    """Return a row per stage, and draw the figure."""
    measured: Measured = defaultdict(dict)
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            for stage, cost in study_of(size, Path(folder)).items():
                measured[stage][size] = cost
    draw(measured).savefig(PICTURE, dpi=110, bbox_inches="tight")
    return [_row(stage, sizes) for stage, sizes in measured.items()]


def study_of(size: int, folder: Path) -> dict[str, tuple[float, float]]:
    """Run a study of synthetic photographs and return what its stages took."""
    write_photographs(size, folder)
    study = STUDY | {
        "dataset": dataset_of(folder),
        "attribution": {"images": size // 10, "steps": 5},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    omitted = [rule for rule, most in AT_MOST.items() if size > most]
    run_workflow(folder, *(["--omit-from", *omitted] if omitted else []))
    narrow = take_benchmarks(folder, "growth")
    results = folder / "results" / "growth"
    (latents,) = results.glob("latents/*/*/*/*/part.parquet")
    write_latents(LatentFile(str(latents)).image_ids, latents_of(size, VALUES), latents)
    (distinctiveness,) = results.glob("distinctiveness/**/part.parquet")
    run_workflow(folder, "plot_prediction", str(distinctiveness.relative_to(folder)))
    wide = take_benchmarks(folder, "growth")
    return narrow | {f"{rule}, latents of {VALUES:,}": wide[rule] for rule in OF_LATENTS}


def dataset_of(folder: Path) -> dict[str, Any]:
    """Return the setting `dataset` for what `write_photographs` writes."""
    return {
        "kind": "folder",
        "images": str(folder / "images"),
        "scores": str(folder / "scores.csv"),
        "columns": {name: name for name in SCORES},
    }


def write_photographs(size: int, folder: Path) -> None:
    """Write smooth noise as JPEG files, and the table of their made-up scores."""
    stream = np.random.default_rng(size)
    (folder / "images").mkdir()
    for file in write_scores(size, folder)["file"]:
        coarse = Image.fromarray(stream.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        coarse.resize((256, 256), Image.Resampling.BICUBIC).save(folder / "images" / file)


def write_scores(size: int, folder: Path) -> pd.DataFrame:
    """Write a table of made-up scores, and return it."""
    stream = np.random.default_rng(size)
    hits, false_alarms = stream.integers(15, 41, size), stream.integers(0, 9, size)
    number = np.arange(size)
    table = pd.DataFrame(
        {
            "file": [f"{one:05d}.jpg" for one in number],
            "score": (hits - false_alarms).clip(0) / 40,
            "category": [f"c{each}" for each in number % 5],
            "subcategory": [f"s{each}" for each in number % 20],
            "hits": hits,
            "false_alarms": false_alarms,
            "responses": 40,
        }
    )
    table.to_csv(folder / "scores.csv", index=False)
    return table


def run_workflow(folder: Path, *arguments: str, project: Path = ROOT) -> None:
    """Run the workflow of a project in a folder."""
    # Targets come first: some of Snakemake's options take all words that follow.
    command = [sys.executable, "-m", "snakemake", *arguments]
    command += ["--snakefile", str(project / "Snakefile"), "--configfile", "study.yaml"]
    command += ["--cores", "2", "--quiet", "all"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def take_benchmarks(folder: Path, study: str) -> dict[str, tuple[float, float]]:
    """Return rule -> seconds of its jobs and largest memory, from benchmark files, and remove these."""
    taken: dict[str, tuple[float, float]] = {}
    benchmarks = folder / "results" / study / "benchmarks"
    # In the order in which they were written, which is that of the workflow.
    for file in sorted(benchmarks.rglob("*.jsonl"), key=lambda path: path.stat().st_mtime):
        job = json.loads(file.read_text(encoding="utf-8"))
        rule = file.relative_to(benchmarks).parts[0].removesuffix(".jsonl")
        seconds, memory = taken.get(rule, (0.0, 0.0))
        taken[rule] = seconds + job["s"], max(memory, job["max_rss"] * 2**20 / 1e6)
        file.unlink()
    return taken


def exponent(costs: dict[int, float]) -> float:
    """Return the slope between the two largest sizes, on logarithms of both."""
    (small, less), (large, more) = sorted(costs.items())[-2:]
    return math.log(more / less) / math.log(large / small)


def draw(measured: Measured) -> Figure:
    """Draw seconds and memory over the number of images; the longest and QUADRATIC have names."""
    longest = sorted(measured, key=lambda stage: max(measured[stage].values()), reverse=True)
    named = sorted(longest, key=lambda stage: stage != QUADRATIC)[: len(COLOURS)]
    colours = dict(zip(named, COLOURS, strict=False))
    with styled():
        figure = Figure(figsize=(9, 4), layout="constrained")
        for axes, what, name in zip(
            figure.subplots(1, 2), (0, 1), ("seconds", "peak memory, MB"), strict=True
        ):
            for stage in reversed(longest):
                sizes = sorted(measured[stage])
                axes.loglog(
                    sizes, [measured[stage][size][what] for size in sizes], "o-", markersize=3,
                    color=colours.get(stage, "#CCCCCC"), linewidth=1.2,
                    label=stage if stage in colours else None,
                )  # fmt: skip
            axes.set(xlabel="images", ylabel=name)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="outside right center", fontsize=7)
    return figure


def _row(stage: str, sizes: dict[int, tuple[float, float]]) -> Row:
    seconds = {size: cost[0] for size, cost in sizes.items()}
    memory = {size: cost[1] for size, cost in sizes.items()}
    each = "; ".join(f"{size:,}: {seconds[size]:.3g} s, {memory[size]:.0f} MB" for size in sizes)
    remark = each
    if len(sizes) > 1:
        remark += f"; time ∝ N^{exponent(seconds):.2f}, memory ∝ N^{exponent(memory):.2f}"
    largest = max(sizes)
    return Row(f"{stage}, {largest:,} images", Timing((seconds[largest],)), agreement=remark)
