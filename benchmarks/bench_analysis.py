"""The analysis of a study of 10,000 images whose training is done.

Errors under the six losses of the paper's Table 1 and latents of 25,088 values come from synthetic
tables (`external_errors`, `external_latents`), so that the workflow begins where its training ends:
joining, correlations with 10,000 bootstrap draws, distinctiveness, noise ceiling, baselines, figures,
claims. Ours is the whole of `snakemake --cores 2`, start-up included. Every loss has one run; the rules
whose jobs took longest are named.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.bench_growth import SCORES, run_workflow, take_benchmarks, write_scores
from benchmarks.bench_neighbours import VALUES, latents_of
from benchmarks.harness import Row, Timing, seconds
from memorability.tables import latents

IMAGES = 10_000
MOST_SECONDS = 180
LOSSES = ("mse", "ms_ssim", "lpips_squeeze", "lpips_vgg", "lpips_alex", "style")
NAMED = 5


def rows() -> list[Row]:
    """Run the analysis once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_study(folder)
        took = seconds(lambda: run_workflow(folder))
        jobs = take_benchmarks(folder, "analysis")
    longest = sorted(jobs, key=lambda rule: jobs[rule][0], reverse=True)[:NAMED]
    named = ", ".join(f"{rule} {jobs[rule][0]:.0f} s" for rule in longest)
    memory = max(memory for _, memory in jobs.values())
    return [
        Row(
            f"analysis of {IMAGES:,} images, {len(LOSSES)} losses, latents of {VALUES:,}",
            Timing((took,)),
            target=f"under {MOST_SECONDS} s",
            met=took < MOST_SECONDS,
            agreement=f"{named}; one job takes at most {memory:.0f} MB",
        )
    ]


def write_study(folder: Path) -> None:
    """Write the tables of a study that has been trained elsewhere, and its configuration."""
    scores, stream = write_scores(IMAGES, folder), np.random.default_rng(0)
    ids = [file.removesuffix(".jpg") for file in scores["file"]]
    latents.write_latents(ids, latents_of(IMAGES, VALUES), folder / "latents.parquet")
    study: dict[str, Any] = {
        "study": "analysis",
        "dataset": {
            "kind": "table",
            "scores": "scores.csv",
            "columns": {name: name for name in SCORES},
        },
        "runs": None,
        "external_latents": {
            "synthetic": {
                "file": "latents.parquet",
                "columns": {"image_id": "image_id", "latent": "latent"},
            }
        },
        "external_errors": {},
    }
    for loss in LOSSES:
        errors = scores["score"] + stream.standard_normal(IMAGES)
        scores[["file"]].assign(error=errors).to_csv(folder / f"{loss}.csv", index=False)
        study["external_errors"][loss] = {
            "file": f"{loss}.csv",
            "columns": {"file": "file", "error": "error"},
            "loss": loss,
        }
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
