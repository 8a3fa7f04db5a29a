import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.base.errors import InputError
from memorability.prediction.search import (
    PUBLISHED_GRID,
    Grid,
    Search,
    SearchSettings,
    Space,
    best,
    journal_file,
    search,
    share,
)
from memorability.study.contradictions import GRID_SIZE
from memorability.tables import store
from tests.unit.prediction.problems import SETTINGS, study

LATENTS, _, SPLIT = study(n=80, dim=10)
SPACE = Space(
    layers=(1, 2),
    width=(4, 8),
    learning_rate=(1e-3, 1e-1),
    batch_size=(8, 16),
    dropout=(0.1, 0.5),
    weight_decay=(1e-5, 0.01),
)


def settings(patience: int = 3, **changes: Any) -> SearchSettings:
    chosen = {"kind": "tpe", "trials": 14, "jobs": 1, "space": SPACE} | changes
    return SearchSettings(
        seed=SETTINGS.seed,
        threads=SETTINGS.threads,
        predictor=replace(SETTINGS.predictor, max_epochs=3, patience=patience),
        search=Search(**chosen),
    )


def run(
    journal: Path,
    worker: int = 0,
    stop_after: int = 10**6,
    grid: Grid = PUBLISHED_GRID,
    **changes: Any,
) -> pd.DataFrame:
    count = 0

    def on_trial() -> None:
        nonlocal count
        count += 1
        if count > stop_after:
            raise KeyboardInterrupt

    return search(
        LATENTS, SPLIT, settings(**changes), worker=worker, journal=journal, on_trial=on_trial,
        grid=grid,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return run(tmp_path_factory.mktemp("search") / "journal.log")


def test_trials_stay_within_the_space_and_differ(whole: pd.DataFrame) -> None:
    schema = store.SCHEMAS["prediction_search"][1]
    schema.validate(whole[list(schema.columns)])
    assert len(whole) == 14
    assert whole["learning_rate"].between(1e-3, 1e-1).all()
    assert whole["dropout"].between(0.1, 0.5).all()
    assert set(whole["batch_size"]) <= {8, 16}
    assert set(whole["weight_decay"]) <= {1e-5, 0.01}
    assert {units for hidden in whole["hidden"] for units in hidden.split("-")} <= {"4", "8"}
    assert whole["learning_rate"].nunique() == 14
    assert not whole["chosen"].any()


def test_a_search_that_was_interrupted_goes_on_with_the_same_trials(
    whole: pd.DataFrame, tmp_path: Path
) -> None:
    # Trials 0 to 9 are random, the others learn from all before.
    for stop in (3, 11):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "journal.log", stop_after=stop)
    pd.testing.assert_frame_equal(run(tmp_path / "journal.log"), whole)


def test_more_trials_go_on_where_fewer_ended(whole: pd.DataFrame, tmp_path: Path) -> None:
    few = run(tmp_path / "journal.log", trials=4)
    pd.testing.assert_frame_equal(few, whole.head(4))
    pd.testing.assert_frame_equal(run(tmp_path / "journal.log"), whole)
    pd.testing.assert_frame_equal(run(tmp_path / "journal.log", trials=4), few)


# The fourth trial never ends.
KILLED = """
import sys, time
from pathlib import Path
import numpy as np
import tests.unit.prediction.test_search as here
from memorability.prediction import search
from memorability.base.seeding import make_deterministic
make_deterministic(1)
loss, done = search._validation_loss, []
def hang(*arguments):
    if len(done) == 3:
        print("in the fourth trial", flush=True)
        time.sleep(600)
    return loss(*arguments)
search._validation_loss = hang
latents = np.load(sys.argv[1], mmap_mode="r")
journal = Path(sys.argv[2])
search.search(
    latents, here.SPLIT, here.settings(), worker=0, journal=journal, on_trial=lambda: done.append(1)
)
"""


def test_a_search_that_is_killed_resumes(whole: pd.DataFrame, tmp_path: Path) -> None:
    np.save(tmp_path / "latents.npy", LATENTS)
    journal = tmp_path / "journal.log"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path / "latents.npy", journal],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "in the fourth trial\n"
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    resumed = run(journal)
    columns = [name for name in whole if name != "validation_loss"]
    pd.testing.assert_frame_equal(resumed[columns], whole[columns])
    np.testing.assert_allclose(resumed["validation_loss"], whole["validation_loss"], rtol=1e-4)


def test_a_lock_that_a_killed_job_left_is_not_waited_for(
    whole: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("journal.lock").touch()
    pd.testing.assert_frame_equal(run(Path("journal")), whole)
    assert not Path("journal.lock").exists()


def test_workers_share_the_trials(tmp_path: Path) -> None:
    assert [share(14, 3, worker) for worker in range(3)] == [5, 5, 4]
    parts = [run(tmp_path / f"{worker}.log", worker, trials=5, jobs=2) for worker in range(2)]
    assert [list(part["trial"]) for part in parts] == [[0, 2, 4], [1, 3]]
    trials = best(parts)
    assert list(trials["trial"]) == list(range(5))
    assert trials["learning_rate"].nunique() == 5, "workers do not try the same"
    chosen = trials[trials["chosen"]]
    assert len(chosen) == 1
    assert chosen["validation_loss"].iloc[0] == trials["validation_loss"].min()


def test_the_published_grid_has_what_the_paper_names() -> None:
    assert len(PUBLISHED_GRID["hidden"]) == 4 + 10 + 20
    sizes = [len(values) for values in PUBLISHED_GRID.values()]
    assert math.prod(sizes) == 34 * 7 * 4 * 5 * 3 == GRID_SIZE == 14_280
    best_model = {
        "hidden": (1024, 512), "learning_rate": 5e-5, "batch_size": 8, "dropout": 0.3,
        "weight_decay": 0.01,
    }  # fmt: skip
    assert all(value in PUBLISHED_GRID[name] for name, value in best_model.items())


def test_a_grid_is_shared_without_repetition(tmp_path: Path) -> None:
    grid: Grid = {
        "hidden": ((4,), (8, 4)), "learning_rate": (1e-3, 1e-2), "batch_size": (16,),
        "dropout": (0.1,), "weight_decay": (0.01,),
    }  # fmt: skip
    shared = [
        run(tmp_path / f"{worker}.log", worker, grid=grid, kind="grid", trials=4, jobs=2)
        for worker in range(2)
    ]
    alone = run(tmp_path / "one.log", grid=grid, kind="grid", trials=4)
    combinations = [
        set(zip(table["hidden"], table["learning_rate"], strict=True))
        for table in (pd.concat(shared), alone)
    ]
    assert combinations[0] == combinations[1] == {
        (hidden, rate) for hidden in ("4", "8-4") for rate in (1e-3, 1e-2)
    }  # fmt: skip


def test_a_trial_that_diverges_is_kept_and_not_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = replace(SPACE, learning_rate=(1e30, 1e32))
    lost = run(tmp_path / "journal.log", trials=2, space=space)
    assert lost["validation_loss"].isna().all()
    with pytest.raises(InputError, match="None of the 2 trials"):
        best([lost])


def test_the_journal_is_that_of_worker_settings_code_and_latents(tmp_path: Path) -> None:
    (tmp_path / "latents.npy").write_bytes(b"1")
    inputs = [str(tmp_path / "latents.npy")]
    first = journal_file(settings(), "code", inputs, 0)
    assert first == journal_file(settings(trials=3), "code", inputs, 0), "more trials go on"
    others = {
        journal_file(settings(), "code", inputs, 1),
        journal_file(settings(), "other code", inputs, 0),
        journal_file(settings(jobs=2), "code", inputs, 0),
        journal_file(settings(patience=4), "code", inputs, 0),
    }
    (tmp_path / "latents.npy").write_bytes(b"2")
    others.add(journal_file(settings(), "code", inputs, 0))
    assert len(others - {first}) == 5
