"""The jobs that a dry run of the workflow names, and how long they take on so many cores."""

import heapq
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

from memorability.base.errors import InputError


@dataclass(frozen=True)
class Job:
    """A job that has still to be made.

    Attributes
    ----------
    rule
        Its rule.
    wildcards
        Name -> value.
    inputs, outputs
        Files.
    threads, gpus
        What it occupies while it runs.
    memory
        What it asks for, in 10⁶ bytes; None where that depends on inputs that are not there yet.
    """

    rule: str
    wildcards: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    threads: int = 1
    gpus: int = 0
    memory: int | None = 0


@dataclass(frozen=True)
class Span:
    """How long jobs take together.

    Attributes
    ----------
    seconds
        From the first job's start to the last one's end.
    memory
        The most that jobs which run at a time ask for, in 10⁶ bytes; what is not known counts as the
        largest that is.
    """

    seconds: float
    memory: int


def dry_run(snakefile: Path, config: Mapping[str, Any]) -> str:
    """Return what a dry run of a workflow prints: the jobs that are still to be made.

    Parameters
    ----------
    snakefile
        Of the workflow.
    config
        The whole configuration.

    Raises
    ------
    InputError
        With what Snakemake printed, if it refuses the study.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as configuration:
        json.dump(config, configuration)
        configuration.flush()
        # So many cores that no job's threads are cut down to them.
        command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1024"]
        command += ["--snakefile", str(snakefile), "--configfile", configuration.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(done.stdout + done.stderr)
    return done.stdout + done.stderr


def planned_jobs(dry_run: str) -> list[Job]:
    """Return the jobs of the output of `snakemake --dry-run`, except targets that only gather files."""
    jobs = []
    for rule, block in re.findall(
        r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", dry_run, re.MULTILINE
    ):
        fields = dict(re.findall(r"^    ([\w-]+): (.*)$", block, re.MULTILINE))
        if "output" not in fields:
            continue
        resources = _pairs(fields.get("resources", ""))
        jobs.append(
            Job(
                rule,
                _pairs(fields.get("wildcards", "")),
                tuple(fields.get("input", "").split(", ")),
                tuple(fields["output"].split(", ")),
                int(fields.get("threads", 1)),
                int(resources.get("gpu", 0)),
                int(memory) if (memory := resources.get("mem_mb", "0")).isdigit() else None,
            )
        )
    return jobs


def span(
    jobs: Sequence[Job], seconds: Callable[[Job], float], *, cores: int, gpus: int = 0
) -> Span:
    """Return how long jobs take, each started as soon as its inputs and what it occupies are there.

    Of several that could start, the one that most time waits for goes first.

    Parameters
    ----------
    jobs
        From `planned_jobs`.
    seconds
        What a job takes with its threads; with fewer cores than that it takes as much longer.
    cores, gpus
        Of the machine, at least 1 core; jobs that ask for GPUs take at most as many as there are.
    """
    makers = {file: number for number, job in enumerate(jobs) for file in job.outputs}
    needs = [{makers[file] for file in job.inputs if file in makers} for job in jobs]
    took = [seconds(job) * max(1, job.threads / cores) for job in jobs]
    urgency = _path_lengths(needs, took)
    followers = defaultdict(list)
    for number, needed in enumerate(needs):
        for each in needed:
            followers[each].append(number)
    waiting = [len(needed) for needed in needs]
    ready = [(-urgency[number], number) for number, count in enumerate(waiting) if not count]
    known = max((job.memory for job in jobs if job.memory is not None), default=0)
    asked = [known if job.memory is None else job.memory for job in jobs]
    free, now, memory, most = Occupied(cores, gpus), 0.0, 0, 0
    running: list[tuple[float, int]] = []
    while ready or running:
        held = []
        for entry in sorted(ready):
            job = jobs[entry[1]]
            taken = _occupied(job, cores, gpus)
            if taken.cores > free.cores or taken.gpus > free.gpus:
                held.append(entry)
                continue
            free = Occupied(free.cores - taken.cores, free.gpus - taken.gpus)
            memory += asked[entry[1]]
            heapq.heappush(running, (now + took[entry[1]], entry[1]))
        ready, most = held, max(most, memory)
        now, ended = heapq.heappop(running)
        given = _occupied(jobs[ended], cores, gpus)
        free = Occupied(free.cores + given.cores, free.gpus + given.gpus)
        memory -= asked[ended]
        for follower in followers[ended]:
            waiting[follower] -= 1
            if not waiting[follower]:
                ready.append((-urgency[follower], follower))
    return Span(now, most)


class Occupied(NamedTuple):
    """Cores and GPUs that are free, or that a job holds."""

    cores: int
    gpus: int


def _occupied(job: Job, cores: int, gpus: int) -> Occupied:
    return Occupied(min(job.threads, cores), min(job.gpus, gpus))


def _path_lengths(needs: Sequence[set[int]], took: Sequence[float]) -> list[float]:
    """Return how long each job and the longest chain of jobs that wait for it take."""
    lengths = list(took)
    # Whoever needs a job comes after it.
    for number in reversed(list(TopologicalSorter(dict(enumerate(needs))).static_order())):
        for needed in needs[number]:
            lengths[needed] = max(lengths[needed], took[needed] + lengths[number])
    return lengths


def _pairs(text: str) -> dict[str, str]:
    """Return what "a=1, b=2" assigns."""
    return dict(pair.split("=", 1) for pair in text.split(", ") if "=" in pair)
