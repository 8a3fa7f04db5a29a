"""What a study will take: hours of its jobs, on more cores or GPUs, memory, and room on disk.

Passes through networks are timed on this machine; what else takes time with the number of images is
in `cost_figures.yaml`, as measured on another.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from memorability.autoencoder.architecture import Architecture
from memorability.autoencoder.stored_targets import target_bytes
from memorability.base.settings import from_params
from memorability.data.scores import read_scores
from memorability.data.trials import read_trials
from memorability.images.sizes import SIDE
from memorability.networks.computing import Compute
from memorability.networks.losses import WITHOUT_WEIGHTS, make_loss
from memorability.study import job_settings, paths
from memorability.study.preflight import model_bytes
from memorability.study.study import Study
from memorability.workflow.calibration import calibrate, random_loss
from memorability.workflow.cost_figures import Calibration, Sizes, latent_size, sizes_of
from memorability.workflow.job_times import JobSeconds
from memorability.workflow.planned_jobs import Job, span

CORES = (1, 2, 4, 8, 16, 32, 64)
CARDS = (1, 2, 4, 8)
OTHERS = "others: mostly their start"
MODEL_STATES = 3  # a saved training state: weights and two moments
ROW_BYTES, TABLE_BYTES = 30, 10_000  # of a table of errors
PIXEL_BYTES = 3 * SIDE * SIDE
MAP_BYTES = 2 * 3 * SIDE * SIDE


def estimate(study: Study, jobs: Sequence[Job]) -> str:
    """Calibrate this machine and return the page that says what the jobs of a study will take.

    Parameters
    ----------
    study
        The study.
    jobs
        Those that are still to be made, see `memorability.workflow.planned_jobs`.

    Raises
    ------
    InputError
        If the user's table of scores or trials has a mistake: before anything is timed.
    """
    _check_table(study)
    sizes = sizes_of(study)
    losses = dict.fromkeys([*study.settings["losses"], *WITHOUT_WEIGHTS])
    calibration = calibrate(
        [
            from_params(Architecture, job_settings.architecture(study, protocol))
            for protocol in study.protocols
        ],
        # Of the first protocol: how LPIPS is fed does not change its time.
        [
            random_loss(study, protocol, loss)
            for protocol in list(study.protocols)[:1]
            for loss in losses
        ],
        from_params(Compute, job_settings.compute(study)),
    )
    return page(study, sizes, calibration, jobs)


def _check_table(study: Study) -> None:
    """Read the user's table of scores or trials as its job will, unless that is done."""
    dataset = study.settings["dataset"]
    if dataset["kind"] not in ("folder", "table") or Path(paths.image_table(study)).is_file():
        return
    if study.has_own_trials:
        read_trials(Path(dataset["trials"]), dataset["columns"])
    else:
        read_scores(Path(dataset["scores"]), dataset["columns"])


def page(study: Study, sizes: Sizes, calibration: Calibration, jobs: Sequence[Job]) -> str:
    """Return the estimate for readers."""
    seconds = JobSeconds(study, sizes, calibration)
    parts = [
        f"Study {study.name}: {sizes.images:,} images, {len(study.runs)} runs, "
        f"{len(jobs)} jobs still to be made.",
        _by_rule(jobs, seconds),
        _by_machine(jobs, seconds, calibration.device),
        _disk(study, sizes),
        _doubts(study, calibration),
    ]
    return "\n\n".join(part for part in parts if part)


def in_words(seconds: float) -> str:
    """Return a time with two digits and a unit: "40 s", "12 min", "5.8 h", "17 days"."""
    for most, size, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < most:
            return f"{_two_digits(seconds / size)} {unit}"
    return f"{_two_digits(seconds / 86_400)} days"


def _two_digits(number: float) -> str:
    return (
        f"{number:.1f}"
        if number < 9.95
        else f"{round(number, 1 - math.floor(math.log10(number))):,.0f}"
    )


def _by_rule(jobs: Sequence[Job], seconds: JobSeconds) -> str:
    """Return a line per rule, and per loss of it, whose jobs take longer with more images."""
    groups: dict[str, list[float]] = {}
    for job in jobs:
        name = OTHERS if seconds.mostly_start(job) else job.rule
        if name != OTHERS and "loss" in job.wildcards:
            name += f", {job.wildcards['loss']}"
        groups.setdefault(name, []).append(seconds.of_cores(job))
    lines = [f"{'core time of jobs':<36}{'number':>8}{'of one':>10}{'of all':>10}"]
    for name, taken in sorted(groups.items(), key=lambda group: -sum(group[1])):
        each, together = in_words(sum(taken) / len(taken)), in_words(sum(taken))
        lines.append(f"{name:<36}{len(taken):>8}{each:>10}{together:>10}")
    return "\n".join(lines)


def _by_machine(jobs: Sequence[Job], seconds: JobSeconds, device: str) -> str:
    """Return a line per number of cores, or of GPUs where there is one to calibrate."""
    on_cpu = device == "cpu"
    lines = [f"{'cores' if on_cpu else 'GPUs':>6}{'time':>10}{'memory asked for':>20}"]
    for count in CORES if on_cpu else CARDS:
        cores = count if on_cpu else max(count, os.cpu_count() or 1)
        took = span(jobs, seconds, cores=cores, gpus=0 if on_cpu else count)
        lines.append(f"{count:>6}{in_words(took.seconds):>10}{took.memory / 1e3:>17.0f} GB")
    if on_cpu:
        lines.append("GPUs: none was calibrated, so what one would take is not known.")
    return "\n".join(lines)


def _disk(study: Study, sizes: Sizes) -> str:
    lasting = disk_bytes(study, sizes)
    passing = passing_bytes(study, sizes, os.cpu_count() or 1)
    lines = [f"{'disk, downloads and their unpacked images apart':<50}{'GB':>8}"]
    for title, parts in (("", lasting), ("while runs are made: ", passing)):
        lines += [f"{title + what:<50}{size / 1e9:>8.1f}" for what, size in parts.items() if size]
    return "\n".join(lines) if lasting else ""


def _doubts(study: Study, calibration: Calibration) -> str:
    """Return how sure the numbers are."""
    timed = (
        f"Fine-tuning, evaluation, encoding and attribution were timed here ({calibration.device}, "
        f"{study.settings['compute']['precision']}); repetitions of a step lay within "
        f"{calibration.spread - 1:.0%}."
    )
    lines = [timed] if study.runs else []
    lines += [
        "Many cores are taken to be as fast, each, as one alone: jobs that share memory and caches are "
        "slower, and so are cores that other programs use.",
        "Preparation, features, prediction, distances and correlations come from figures of another "
        "machine (cost_figures.yaml), to a factor of about two.",
        "Trainings that may stop early (the predictor, its search) count with all their epochs.",
        "Downloading and unpacking data sets and weights do not count.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def disk_bytes(study: Study, sizes: Sizes) -> dict[str, float]:
    """Return the bytes that a finished study takes, by what they are; downloads are not among them."""
    if not study.runs:
        return {}
    latents = 4 * latent_size(study) * sizes.images
    attributed = min(study.settings["attribution"]["images"], sizes.test)
    resizes = {protocol.resize for protocol in study.protocols.values()}
    rows = 2 * study.settings["epochs"] * len(study.runs)
    rows += (study.settings["decay"]["epochs"] + 10) * len(study.selected)
    return {
        "models": sum(model_bytes(study, run.protocol) for run in study.kept),
        # Of each analysed model, and once more as the predictor reads them.
        "latents": (len(study.selected) + 1) * latents,
        "prepared images": len(resizes) * sizes.images * PIXEL_BYTES
        + sizes.pretraining * PIXEL_BYTES,
        # Those that are fitted have views of 224 to 256 pixels, which several may share.
        "images as predictors read them": (
            len({spec.prepares for spec in study.pixel_predictors if spec.fits})
            * sizes.images
            * PIXEL_BYTES
        ),
        "attribution maps": attributed * MAP_BYTES,
        "tables of errors": rows * (sizes.images * ROW_BYTES + TABLE_BYTES),
    }


def passing_bytes(study: Study, sizes: Sizes, cores: int) -> dict[str, float]:
    """Return the bytes that are there only while runs are made on so many cores, by what they are."""
    if not study.runs:
        return {}
    largest = max(model_bytes(study, protocol) for protocol in study.protocols)
    kept = set(study.kept)
    of_a_loss = [
        sum(
            model_bytes(study, run.protocol)
            for run in study.runs_of(protocol, loss)
            if run not in kept
        )
        for protocol in study.protocols
        for loss in study.settings["losses"]
    ]
    stored = sum(
        sizes.images * target_bytes(make_loss(random_loss(study, name, loss))[0])
        for name in study.protocols
        for loss in study.settings["losses"]
        if paths.target_files(study, name, loss)
    )
    at_a_time = min(max(1, cores // study.settings["compute"]["threads"]), len(study.runs))
    return {
        "models, until a loss is done": max(of_a_loss),
        "stored targets": stored,
        f"training state, {at_a_time} at a time": MODEL_STATES * largest * at_a_time,
    }
