"""What surrounds the work of every job: its log and its progress."""

import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from memorability.base import job_log as base_job_log
from memorability.base.errors import InputError
from memorability.base.job_log import job_log, progress, transfer_progress

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a job set up logging as if it were alone, and put everything back after it."""
    root = logging.getLogger()
    level = root.level
    monkeypatch.setattr(root, "handlers", [])
    yield
    for handler in root.handlers:
        handler.close()
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "job.log"


def fail_to_divide() -> float:
    return 1 / 0


# The log


def test_lines_and_warnings_reach_the_log_with_their_time_and_level(log: Path) -> None:
    with job_log(log):
        logging.getLogger("memorability.images.store").info("120 images, 3 × 224 × 224")
        logging.getLogger("memorability.images.store").warning("one image is grey")
        warnings.warn("a loose end", UserWarning, stacklevel=1)
    lines = log.read_text(encoding="utf-8").splitlines()
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    assert re.fullmatch(f"{stamp} INFO 120 images, 3 × 224 × 224", lines[0])
    assert re.fullmatch(f"{stamp} WARNING one image is grey", lines[1])
    assert re.search(r"test_job_log\.py:\d+: UserWarning: a loose end", lines[2])


def test_the_console_shows_warnings_but_not_every_line(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with job_log(log):
        logging.getLogger("memorability").info("a detail")
        logging.getLogger("memorability").warning("a doubt")
    shown = capsys.readouterr().err
    assert "a doubt" in shown
    assert "a detail" not in shown


def test_a_failure_leaves_its_traceback_in_the_log_and_goes_on(log: Path) -> None:
    with pytest.raises(ZeroDivisionError), job_log(log):
        fail_to_divide()
    text = log.read_text(encoding="utf-8")
    assert "ERROR The job failed." in text
    assert "Traceback (most recent call last)" in text
    assert "in fail_to_divide" in text
    assert text.rstrip().endswith("ZeroDivisionError: division by zero")


def test_a_mistake_of_the_user_is_its_message_alone_and_ends_the_job(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, job_log(log):
        raise InputError("100 % of images.csv is empty. Fill it.")
    assert ended.value.code == 1
    for text in (log.read_text(encoding="utf-8"), capsys.readouterr().err):
        assert text.count("100 % of images.csv is empty. Fill it.") == 1
        assert "Traceback" not in text


def test_a_second_attempt_begins_a_new_log(log: Path) -> None:
    for attempt in ("first", "second"):
        with job_log(log):
            logging.getLogger("memorability").info("the %s attempt", attempt)
    assert "first" not in log.read_text(encoding="utf-8")
    assert "second" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("statement", "tracebacks"),
    [("raise InputError('Mend the table.')", 0), ("raise KeyError('Mend the code.')", 1)],
)
def test_a_script_that_fails_ends_with_status_1_and_says_why_on_its_console_once(
    statement: str, tracebacks: int, log: Path
) -> None:
    script = (
        "from memorability.base.errors import InputError\n"
        "from memorability.base.job_log import job_log\n"
        f"with job_log({str(log)!r}):\n    {statement}\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.count("Mend the") == 1
    assert ended.stderr.count("Traceback") == tracebacks
    assert log.read_text(encoding="utf-8").count("Traceback") == tracebacks
    assert "Mend the" in log.read_text(encoding="utf-8")


# Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until a test sets it."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(base_job_log, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def lines_of(log: Path) -> list[str]:
    return [line.split(" INFO ", 1)[1] for line in log.read_text(encoding="utf-8").splitlines()]


def test_progress_is_logged_once_per_interval_with_the_time_left(
    log: Path, clock: SimpleNamespace
) -> None:
    with job_log(log), progress(10, "fine-tuning", seconds=60) as step:
        for _ in range(10):
            clock.now += 25
            step()
    # Steps of 25 s: the interval is over at 75, 150 and 225 s, after 3, 6 and 9 of 10 steps.
    assert lines_of(log) == [
        "fine-tuning: 3 of 10, about 175 s left",
        "fine-tuning: 6 of 10, about 100 s left",
        "fine-tuning: 9 of 10, about 25 s left",
        "fine-tuning: 10 in 250.0 s",
    ]


def test_quick_work_is_logged_at_its_end_alone(log: Path, clock: SimpleNamespace) -> None:
    with job_log(log), progress(1000, "features") as step:
        for _ in range(1000):
            step()
    assert lines_of(log) == ["features: 1000 in 0.0 s"]


def test_work_that_stops_early_is_logged_with_what_was_done(
    log: Path, clock: SimpleNamespace
) -> None:
    with job_log(log), progress(50, "training") as step:
        for _ in range(7):
            clock.now += 1
            step()
    assert lines_of(log) == ["training: 7 in 7.0 s"]


def test_work_of_no_steps_is_no_failure(log: Path) -> None:
    with job_log(log), progress(0, "nothing"):
        pass
    assert lines_of(log) == ["nothing: 0 in 0.0 s"]


def test_no_bar_is_drawn_where_nobody_watches(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with job_log(log), progress(3, "fine-tuning") as step:
        step()
    assert capsys.readouterr().err == ""


# Transfers


def test_a_transfer_is_logged_with_its_speed_and_the_time_left(
    log: Path, clock: SimpleNamespace
) -> None:
    with job_log(log), transfer_progress("lamem.tar.gz", seconds=60) as show:
        for there in range(0, 2_700_000_001, 300_000_000):
            show(there, 2_700_000_000)
            clock.now += 30
    # 300 MB in 30 s are 10 MB/s from the second call on: 60, 120, 180 and 240 s after the first.
    assert lines_of(log) == [
        "lamem.tar.gz: 600MB of 2.70GB, 10.0MB/s, about 210 s left",
        "lamem.tar.gz: 1.20GB of 2.70GB, 10.0MB/s, about 150 s left",
        "lamem.tar.gz: 1.80GB of 2.70GB, 10.0MB/s, about 90 s left",
        "lamem.tar.gz: 2.40GB of 2.70GB, 10.0MB/s, about 30 s left",
        "lamem.tar.gz: received 2.70GB in 300.0 s",
    ]


def test_bytes_of_an_earlier_transfer_count_in_no_speed(log: Path, clock: SimpleNamespace) -> None:
    with job_log(log), transfer_progress("lamem.tar.gz", seconds=60) as show:
        show(2_000_000_000, 2_700_000_000)
        clock.now += 60
        show(2_060_000_000, 2_700_000_000)
    assert lines_of(log) == [
        "lamem.tar.gz: 2.06GB of 2.70GB, 1.00MB/s, about 640 s left",
        "lamem.tar.gz: received 60.0MB in 60.0 s",
    ]


def test_a_transfer_that_begins_anew_or_has_no_size_is_no_failure(
    log: Path, clock: SimpleNamespace
) -> None:
    with job_log(log), transfer_progress("raw.csv", seconds=60) as show:
        show(0, None)
        show(3_000_000, None)
        show(0, None)
        clock.now += 60
        show(3_000_000, None)
    assert lines_of(log) == [
        "raw.csv: 3.00MB of unknown size, 100kB/s",
        "raw.csv: received 6.00MB in 60.0 s",
    ]


def test_a_transfer_that_never_began_is_no_failure(log: Path) -> None:
    with job_log(log), transfer_progress("raw.csv"):
        pass
    assert lines_of(log) == ["raw.csv: received 0.00B in 0.0 s"]


def test_a_bar_follows_the_bytes_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with transfer_progress("raw.csv") as show:
        show(1_000_000, 4_000_000)
        show(2_000_000, 4_000_000)
    bar = capsys.readouterr().err
    assert "raw.csv:  25%" in bar
    assert "1.00M/4.00M" in bar
