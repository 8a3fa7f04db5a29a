"""A dry run is read as Snakemake writes it; schedules against cases solved by hand."""

import re
import subprocess
import sys
from pathlib import Path

import snakemake

from memorability.workflow.planned_jobs import Job, Span, planned_jobs, span

ROOT = Path(__file__).parents[3]
DRY_RUN = """
[Thu Nov 26 13:52:10 2026]
localrule fetch_file:
    output: resources/weights/vgg19.pth
    jobid: 3
    wildcards: place=weights, file=vgg19.pth
    resources: tmpdir=/tmp, runtime=1440, mem_mb=1000, mem=1 GB, mem_mib=954

[Thu Nov 26 13:52:10 2026]
rule finetune:
    input: results/a/pixels.npy, resources/weights/vgg19.pth
    output: results/a/errors/lr=1e-3/part.parquet, results/a/models/lr=1e-3/model.safetensors
    log: results/a/logs/finetune/lr=1e-3.log
    jobid: 2
    reason: Missing output files: results/a/errors/lr=1e-3/part.parquet
    wildcards: loss=style, lr=1e-3
    threads: 2
    resources: tmpdir=/tmp, mem_mb=4000, gpu=1

[Thu Nov 26 13:52:10 2026]
rule encode:
    output: results/a/latents/part.parquet
    jobid: 4
    resources: mem=<TBD>, tmpdir=<TBD>, mem_mb=<TBD>

[Thu Nov 26 13:52:10 2026]
rule all:
    input: results/a/errors/lr=1e-3/part.parquet
    jobid: 0
    resources: tmpdir=/tmp
Job stats:
job    count
"""


def job(name: str, *inputs: str, threads: int = 1, gpus: int = 0, memory: int | None = 0) -> Job:
    return Job(name, {}, inputs, (name,), threads, gpus, memory)


SECONDS = {"a": 10.0, "b": 20.0, "c": 30.0, "d": 5.0}


def seconds(job: Job) -> float:
    return SECONDS[job.rule]


def test_jobs_of_a_dry_run_without_targets_that_only_gather() -> None:
    fetch, finetune, encode = planned_jobs(DRY_RUN)
    assert (fetch.rule, fetch.memory, fetch.gpus) == ("fetch_file", 1000, 0)
    assert fetch.outputs == ("resources/weights/vgg19.pth",)
    assert finetune.inputs == ("results/a/pixels.npy", "resources/weights/vgg19.pth")
    assert finetune.wildcards == {"loss": "style", "lr": "1e-3"}
    assert (finetune.threads, finetune.gpus, finetune.memory) == (2, 1, 4000)
    assert encode.memory is None
    assert planned_jobs("Nothing to be done (all requested files are present).") == []


SNAKEFILE = """
rule all:
    input: "of=a/sum.txt"

rule add:
    input: "first.txt", "second.txt"
    output: sum="of={name}/sum.txt", log="of={name}/log.txt"
    threads: 2
    resources: mem="4GB", runtime=90, gpu=1
    shell: "cat {input} > {output}"

rule first:
    output: "first.txt"
    resources: mem=lambda wildcards, input: "1GB"
    shell: "touch {output}"

use rule first as second with:
    output: "second.txt"
"""


def test_a_dry_run_of_the_least_version_is_read(tmp_path: Path) -> None:
    (least,) = re.findall(r'min_version\("([\d.]+)"\)', (ROOT / "Snakefile").read_text())
    assert snakemake.__version__.startswith(f"{least}."), "the format is checked with this version"
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1024"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    jobs = {job.rule: job for job in planned_jobs(done.stdout + done.stderr)}
    assert jobs == {
        "add": Job(
            "add", {"name": "a"}, ("first.txt", "second.txt"),
            ("of=a/sum.txt", "of=a/log.txt"), threads=2, gpus=1, memory=4000,
        ),
        "first": Job("first", {}, ("",), ("first.txt",), memory=1000),
        "second": Job("second", {}, ("",), ("second.txt",), memory=1000),
    }  # fmt: skip


def test_independent_jobs_share_the_cores() -> None:
    jobs = [job("a", memory=1), job("b", memory=2), job("c", memory=4)]
    assert span(jobs, seconds, cores=1) == Span(60, 4)
    # The longest first: c beside b, then a.
    assert span(jobs, seconds, cores=2) == Span(30, 6)
    assert span(jobs, seconds, cores=64) == Span(30, 7)
    # Memory that is not known yet counts as the largest that is.
    assert span([*jobs, job("d", memory=None)], seconds, cores=64) == Span(30, 11)


def test_a_chain_takes_its_sum_on_any_number_of_cores() -> None:
    jobs = [job("a"), job("b", "a"), job("c", "b"), job("d")]
    assert span(jobs, seconds, cores=8).seconds == 60
    # d waits for a core: the chain is worth more.
    assert span(jobs, seconds, cores=1).seconds == 65


def test_threads_and_gpus_are_held() -> None:
    wide = [job("a", threads=2), job("b", threads=2)]
    assert span(wide, seconds, cores=2).seconds == 30
    assert span(wide, seconds, cores=4).seconds == 20
    assert span(wide, seconds, cores=1).seconds == 60  # each as long as with one thread
    cards = [job("a", gpus=1), job("b", gpus=1), job("c")]
    assert span(cards, seconds, cores=8, gpus=1).seconds == 30
    assert span(cards, seconds, cores=8, gpus=2).seconds == 30
    assert span(cards[:2], seconds, cores=8, gpus=2).seconds == 20


def test_nothing_takes_no_time() -> None:
    assert span([], seconds, cores=2) == Span(0, 0)
