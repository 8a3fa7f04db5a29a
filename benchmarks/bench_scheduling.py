"""Scheduling: what Snakemake takes for a job of a study of 5,000 runs.

Runs of the grid are stubs that write a word to each of their five outputs; everything else about their
rule is as shipped: input functions, parameters, resources, logs, benchmark files, checks of outputs.
Prepared images come from twelve made-up photographs. The time is that of `snakemake --cores 2 --until
finetune` without that of its dry run, which is the second row.
"""

import re
import shutil
import tempfile
from functools import partial
from pathlib import Path

import yaml

from benchmarks.bench_growth import STUDY, dataset_of, run_workflow, write_photographs
from benchmarks.harness import Row, Timing, seconds

ROOT = Path(__file__).parents[1]
COPIED = ("memorability", "profiles", "protocols", "report", "rules", "schemas", "scripts", "envs")
RUNS = {
    "losses": ["mse", "mae", "ssim", "ms_ssim"],
    "learning_rates": [f"{step}e-{power}" for power in range(3, 8) for step in (1, 2, 5)][:10],
    "seeds": list(range(125)),
}
JOBS = 5_000
MOST_OVERHEAD = 0.05  # seconds of wall time a job, asked for at most


def rows() -> list[Row]:
    """Time the plan and the jobs of a study of stubs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project, study = with_stubs(folder), folder / "study"
        study.mkdir()
        write_study(study)
        # Images are prepared, and everything that is compiled once is compiled.
        run = partial(run_workflow, study, project=project)
        run("--until", "prepare_images")
        plan = seconds(lambda: run("--until", "finetune", "--dry-run"))
        whole = seconds(lambda: run("--until", "finetune"))
        made = len(list(study.glob("results/growth/errors/**/part.parquet")))
    if made != JOBS:
        raise RuntimeError(f"{made} of {JOBS} jobs were made.")
    overhead = (whole - plan) / JOBS
    return [
        Row(
            what=f"{JOBS:,} stub jobs on two cores",
            ours=Timing((whole,)),
            target=f"under {1000 * MOST_OVERHEAD:.0f} ms of overhead a job",
            met=overhead < MOST_OVERHEAD,
            agreement=f"{1000 * overhead:.0f} ms a job, the dry run's {plan:.0f} s not counted; "
            f"{1000 * whole / JOBS:.0f} with them",
        ),
        Row(f"dry run of {JOBS:,} runs", Timing((plan,))),
    ]


def with_stubs(folder: Path) -> Path:
    """Copy the workflow, with a rule `finetune` that writes a word to each output."""
    project = folder / "project"
    for part in COPIED:
        shutil.copytree(ROOT / part, project / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("Snakefile", "config.yaml", "pyproject.toml"):
        shutil.copy(ROOT / file, project)
    rules = project / "rules" / "finetune.smk"
    stub = 'shell:\n        "for file in {output}; do echo stub > $file; done"\n'
    text, count = re.subn(r'script:\n +"../scripts/finetune.py"\n', stub, rules.read_text("utf-8"))
    if count != 1:
        raise RuntimeError(f"{rules} has {count} calls of scripts/finetune.py.")
    rules.write_text(text, encoding="utf-8")
    return project


def write_study(folder: Path) -> None:
    """Write twelve photographs and a study of `JOBS` runs."""
    write_photographs(12, folder)
    selected = STUDY["selected"] | {"learning_rate": RUNS["learning_rates"][0]}
    study = STUDY | RUNS | {"dataset": dataset_of(folder), "selected": selected}
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
