"""The command line: what it writes, refuses and leaves behind."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from memorability.__main__ import main
from memorability.base.errors import InputError
from memorability.commands import study as study_commands
from memorability.memory_game.browser.store import ResultStore
from memorability.page.serving import PageServer
from memorability.pixel_predictors import opening
from memorability.pixel_predictors.contract import PixelPredictor
from memorability.pixel_predictors.training import resnet
from memorability.scorer.bundle import SavedPredictor, write_saved_predictor
from memorability.scorer.side_by_side import of_study
from memorability.sources import fetching
from memorability.tables import store
from tests.browser_games import participant, photographs, showings, trial
from tests.standins import photograph
from tests.tables import read_record, rows

ROOT = Path(__file__).parents[2]
Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    handler, threads = signal.getsignal(signal.SIGTERM), torch.get_num_threads()
    yield
    signal.signal(signal.SIGTERM, handler)
    logging.captureWarnings(False)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def place(saved: SavedPredictor, tmp_path: Path) -> Path:
    """A directory with a saved predictor and four photographs."""
    write_saved_predictor(saved, tmp_path / "bundle.safetensors")
    (tmp_path / "images").mkdir()
    for number in range(4):
        (tmp_path / "images" / f"{number}.jpg").write_bytes(photograph(number))
    return tmp_path


@pytest.fixture
def predict(place: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command there and return its exit status, or the message it ends with."""
    monkeypatch.chdir(place)

    def run(*arguments: str, model: str = "bundle.safetensors") -> Any:
        named = ["--model", model] if model else []
        command = ["memorability", "predict", "--threads", "1", *named, *arguments]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    return run


def test_csv_is_printed_unless_a_table_is_named(
    predict: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict("images") == 0
    printed = capsys.readouterr().out
    assert predict("images", "--output", "scores.csv") == 0
    assert not capsys.readouterr().out
    assert Path("scores.csv").read_text(encoding="utf-8") == printed
    assert printed.splitlines()[0].split(",") == list(store.SCHEMAS["image_scores"][1].columns)
    assert printed.count("\n") == 5


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii"])
def test_a_name_that_the_terminal_cannot_show_loses_no_score(place: Path, encoding: str) -> None:
    (place / "images" / "0.jpg").rename(place / "images" / "図.jpg")
    command = [sys.executable, "-m", "memorability", "predict", "--threads", "1"]
    done = subprocess.run(
        [*command, "--model", place / "bundle.safetensors", place / "images"],
        cwd=ROOT, env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode(encoding).splitlines()
    assert len(lines) == 5
    assert sum("\\u56f3.jpg," in line for line in lines) == 1


def test_both_kinds_of_table_hold_the_same(predict: Run, saved: SavedPredictor) -> None:
    assert predict("images", "missing.png", "--output", "new/scores.csv") == 0
    assert predict("images", "missing.png", "--output", "new/scores.parquet") == 0
    table = store.read("new/scores.parquet", "image_scores")
    text = pd.read_csv("new/scores.csv", keep_default_na=False, na_values={"score": [""]})
    assert list(table["file"]) == [*(f"images/{number}.jpg" for number in range(4)), "missing.png"]
    np.testing.assert_array_equal(text["score"], table["score"])
    assert list(text["reason"]) == list(table["reason"]) == [""] * 4 + ["no such file"]
    record = read_record("new/scores.parquet")
    assert record["made"]["study"] == "made_up"
    assert record["interval"] == saved.facts["interval"]


@pytest.fixture
def other_predictors(place: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Open every predictor as that of the study under its own name; return what was opened."""
    opened: list[str] = []

    def open_predictor(name: str, **given: Any) -> PixelPredictor:
        opened.append(name)
        if name == "memnet" and given["weights"] is None:
            raise InputError("memnet needs a file of weights")
        study = of_study(place / "bundle.safetensors")
        return replace(study, facts=replace(study.facts, predictor=name))

    monkeypatch.setattr(opening, "open_predictor", open_predictor)
    return opened


def test_several_predictors_stand_side_by_side_in_one_table(
    predict: Run, other_predictors: list[str]
) -> None:
    asked = ["--predictor", "resmem_published", "--predictor", "memnet", "--weights", "memnet=w.pt"]
    assert predict("images", "missing.png", *asked, "--output", "scores.parquet", "--mirror") == 0
    assert predict("images", "missing.png", *asked, "--output", "scores.csv", "--mirror") == 0
    # What needs a file of the user's comes first.
    assert other_predictors == ["memnet", "resmem_published"] * 2
    table = store.read("scores.parquet", "predictor_scores")
    assert list(table["predictor"]) == ["memnet", "resmem_published", "study made_up"] * 5
    assert table["mirror_averaged"].all()
    assert list(table["reason"]) == [""] * 12 + ["no such file"] * 3
    text = pd.read_csv("scores.csv", keep_default_na=False, na_values={"score": [""]})
    assert list(text.columns) == list(table.columns)
    np.testing.assert_array_equal(text["score"], table["score"])
    record = read_record("scores.parquet")
    assert [one["predictor"] for one in record["predictors"]] == [
        "study made_up", "memnet", "resmem_published",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--predictor", "resmem"], "The predictor 'resmem' is unknown"),
        (["--predictor", "resmem_publishd"], "did you mean 'resmem_published'"),
        (["--predictor", "memnet"], "memnet needs a file of weights"),
        (["--weights", "memnet=w.pt"], "no --predictor memnet is asked for"),
        (["--predictor", "resmem_published", "--weights", "memnet=w.pt"], "no --predictor memnet"),
        (["--mirror"], "--mirror is for --predictor"),
        (["--predictor", "memnet", "--model", "nowhere"], "nowhere does not exist"),
    ],
)
def test_what_cannot_be_asked_of_predictors_is_explained(
    predict: Run, place: Path, other_predictors: list[str], arguments: list[str], says: str
) -> None:
    del other_predictors
    before = sorted(place.rglob("*"))
    model = "" if "--model" in arguments else "bundle.safetensors"
    assert says in predict("images", *arguments, model=model)
    assert sorted(place.rglob("*")) == before


def test_a_predictor_is_trained_from_the_command_line_and_scores(
    place: Path, monkeypatch: pytest.MonkeyPatch, predict: Run
) -> None:
    (place / "photographs").mkdir()
    names = [f"{number}.jpg" for number in range(8)]
    for number, name in enumerate(names):
        (place / "photographs" / name).write_bytes(photograph(number))
    table = pd.DataFrame({"file": names, "score": np.linspace(0.2, 0.9, 8)})
    table.to_csv(place / "scores.csv", index=False)
    kind = resnet.KINDS["resnet50_narrow"]
    monkeypatch.setitem(  # type: ignore[arg-type]
        resnet.KINDS, "resnet50_narrow", replace(kind, recipe=replace(kind.recipe, epochs=1))
    )
    monkeypatch.setattr(fetching, "resources_directory", lambda: place / "resources")
    with monkeypatch.context() as patch:
        command = ["memorability", "fit", "--predictor", "resnet50_narrow", "--threads", "1"]
        command += ["--scores", "scores.csv", "--images", "photographs", "--output", "mine"]
        patch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
    assert not list((place / "resources" / "checkpoints").iterdir())
    asked = ["--predictor", "resnet50_narrow", "--weights", "resnet50_narrow=mine"]
    assert predict("photographs", *asked, "--output", "scores.parquet", model="") == 0
    scores = store.read("scores.parquet", "predictor_scores")
    assert scores["score"].between(0, 1).all()
    # 70 % of 8 images.
    assert set(scores["trained_on"]) == {"6 images: scores.csv"}


@pytest.mark.parametrize(
    ("predictor", "output", "says"),
    [
        ("resmem_published", "new", "is only published. You can fit: alexnet"),
        ("efficientnet_lite0", "new", "did you mean 'efficientnet_lite0_ridge'"),
        ("efficientnet_lite0_ridge", "bundle.safetensors", "exists. Name another file"),
        ("hog2x2 --start scores.csv", "new", "hog2x2 reads no weights of yours"),
    ],
)
def test_what_cannot_be_fitted_is_explained(
    place: Path, monkeypatch: pytest.MonkeyPatch, predictor: str, output: str, says: str
) -> None:
    command = ["memorability", "fit", "--predictor", *predictor.split(), "--scores", "scores.csv"]
    command += ["--images", "images", "--output", str(place / output)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit, match=says):
        main()


def test_without_any_predictor_the_choices_are_named(predict: Run) -> None:
    assert "--predictor resmem_published" in predict("images", model="")


def test_nothing_is_opened_for_a_folder_without_images(
    predict: Run, other_predictors: list[str]
) -> None:
    Path("empty").mkdir()
    assert "None of the files" in predict("empty", "--predictor", "resmem_published", model="")
    assert other_predictors == []


def test_the_reader_is_told_what_the_scores_are(
    predict: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    predict("images")
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == (
        "Predicting memorability, (hits − false alarms) / responses, as the study 'made_up' learned "
        "it. Weights are random."
    )
    assert said[-1].startswith("4 of 4 images scored")


def test_a_table_is_replaced_only_when_told(predict: Run) -> None:
    Path("scores.csv").write_text("precious", encoding="utf-8")
    assert predict("images", "--output", "scores.csv") == (
        "--output scores.csv exists. Name another file, or add --overwrite."
    )
    assert Path("scores.csv").read_text(encoding="utf-8") == "precious"
    assert predict("images", "--output", "scores.csv", "--overwrite") == 0
    assert len(pd.read_csv("scores.csv")) == 4


def test_nothing_scored_is_status_1_with_a_table_of_reasons(predict: Run) -> None:
    assert predict("missing.png", "--output", "scores.csv") == 1
    assert list(pd.read_csv("scores.csv")["reason"]) == ["no such file"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["images", "--output", "scores.xlsx"], "name a file that ends in .csv or .parquet"),
        (["empty"], "None of the files in and below empty (0) is named like an image"),
        (["images", "--output", "bundle.safetensors/scores.csv"], "could not be written"),
        (["images", "--model", "nowhere"], "The saved predictor nowhere does not exist"),
        (["images", "--model", "images/0.jpg"], "images/0.jpg is no saved predictor"),
        pytest.param(
            ["images", "--device", "cuda"], "PyTorch finds no GPU here",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there"),
        ),
    ],
)  # fmt: skip
def test_bad_input_is_explained_and_leaves_nothing(
    predict: Run, place: Path, arguments: list[str], says: str
) -> None:
    Path("empty").mkdir()
    before = sorted(place.rglob("*"))
    assert says in predict(*arguments)
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["images", "--threads", "0"],
        ["images", "--batch-size", "none"],
        ["images", "--weights", "memnet"],
        ["--frobnicate"],
    ],
)
def test_a_wrong_command_line_is_status_2(predict: Run, arguments: list[str]) -> None:
    assert predict(*arguments) == 2


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_stopped_leaves_no_table(
    place: Path, number: signal.Signals, status: int
) -> None:
    for copy in range(5000):
        (place / "images" / f"again_{copy}.jpg").symlink_to(place / "images" / "0.jpg")
    before = sorted(path.name for path in place.iterdir())
    command = [sys.executable, "-m", "memorability", "predict", place / "images", "--threads", "1"]
    command += ["--model", place / "bundle.safetensors", "--output", place / "scores.csv"]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True,
        # A shell may have started the tests with Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:  # fmt: skip
        while not list(place.glob("*.partial")) and process.poll() is None:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == status, said
    assert "Traceback" not in said
    assert sorted(path.name for path in place.iterdir()) == before


@pytest.fixture
def average(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Write a table of two studies and average tables; return the exit status, or the message."""
    table = rows("test_sets")
    for study, r in (("one", 0.3), ("two", 0.5)):
        path = tmp_path / study / "test_sets.parquet"
        store.write(table.assign(r=r), path, "test_sets", {"study": study})
    old = store.read(path, "test_sets").drop(columns="reason")
    (tmp_path / "old").mkdir()
    old.to_parquet(tmp_path / "old" / "test_sets.parquet")
    (tmp_path / "there.csv").write_text("precious", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["memorability", "splits", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    return run


def test_studies_of_several_splits_are_averaged(
    average: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = [f"{study}/test_sets.parquet" for study in ("one", "two")]
    assert average(*tables, "--output", "splits.csv") == 0
    found = pd.read_csv("splits.csv")
    r = found[found["figure"] == "r"]
    assert len(r) == len(rows("test_sets"))
    np.testing.assert_allclose(r[["in_one", "in_two", "mean"]], [[0.3, 0.5, 0.4]] * len(r))
    np.testing.assert_allclose(r["sd"], 0.02**0.5)
    assert average(*tables) == 0
    assert capsys.readouterr().out == Path("splits.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("one/test_sets.parquet", "one is no set of splits"),
        ("one/test_sets.parquet one/test_sets.parquet", "Two tables are of the study one"),
        ("one/test_sets.parquet three/test_sets.parquet", "does not exist. Run its study first"),
        ("one/test_sets.parquet two/prediction_metrics.parquet", "are two kinds of table"),
        ("one/test_sets.tsv", "cannot be averaged"),
        ("old/test_sets.parquet", "was made by another version of this program"),
        ("one/errors.parquet", "cannot be averaged. Name results/<study>/tables/"),
        ("one/test_sets.parquet --output there.csv", "there.csv exists. Name another file"),
    ],
)
def test_what_cannot_be_averaged_is_explained(average: Run, arguments: str, says: str) -> None:
    assert says in average(*arguments.split())


def test_what_snakemake_does_is_asked_of_the_workflow_around_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    study = tmp_path / "mine.yaml"
    study.write_text("study: mine\n", encoding="utf-8")

    def told(*words: str) -> object:
        monkeypatch.setattr(sys, "argv", ["memorability", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    assert told("estimate", str(study), "--cores", "3") == 0
    assert "is not finished" in str(told("report", str(study)))
    (tmp_path / "results" / "mine").mkdir(parents=True)
    (tmp_path / "results" / "mine" / "provenance.json").write_text("{}", encoding="utf-8")
    tables = tmp_path / "results" / "mine" / "tables"
    (tables / "correlations" / "quantity=error").mkdir(parents=True)
    (tables / "methods.txt").write_text("What was done.\n", encoding="utf-8")
    pd.DataFrame({"r": [0.5]}).to_parquet(tables / "correlations/quantity=error/part.parquet")
    pd.DataFrame({"image_id": ["é"]}).to_parquet(tables / "per_image.parquet")
    assert told("psych-ds", str(study), "exported") == 0
    assert Path("exported/README.md").read_text(encoding="utf-8") == "# mine\n\nWhat was done.\n"
    parts = pd.read_csv("exported/data/description-correlations_data.csv")
    assert parts.to_dict("records") == [{"r": 0.5, "quantity": "error"}]
    assert pd.read_csv("exported/data/description-perImage_data.csv")["image_id"][0] == "é"
    assert "exists" in str(told("psych-ds", str(study), "exported"))
    assert told("report", str(study)) == 0
    snakefile = ["--snakefile", str(ROOT / "Snakefile")]
    assert [command[3:8] for command in asked] == [
        [*snakefile, "--cores", "3", "estimate"],
        [*snakefile, "--cores", "2", "--report"],
    ]
    assert "results/mine/report.html" in capsys.readouterr().out
    monkeypatch.setattr(study_commands, "is_checkout", lambda: False)
    assert "has no workflow" in str(told("estimate", str(study)))


def game(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    """Run a step of the game and return its exit status, or the message it ends with."""
    monkeypatch.setattr(sys, "argv", ["memorability", "game", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_a_game_from_photographs_to_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photographs(tmp_path / "targets", 12, 1)
    photographs(tmp_path / "others", 12, 2)
    Path("consent.txt").write_text("You take part.", encoding="utf-8")
    Path("game.yaml").write_text(
        "design: {targets: 10, fillers: 6, vigilance: 4, target_delays: [3, 20],"
        " vigilance_delays: [0, 3]}\npractice: {attempts: 0}\n",
        encoding="utf-8",
    )
    make = ("make", "played", "--targets", "targets", "--fillers", "others", "--participants", "6")
    assert game(monkeypatch, *make, "--consent", "nowhere.txt").startswith("nowhere.txt cannot")
    assert game(monkeypatch, *make, "--consent", "consent.txt", "--settings", "game.yaml") == 0
    assert "no showing of a game" in game(monkeypatch, "score", "played", "--output", "scores")
    results = ResultStore(Path("played"))
    for number in range(2):
        sequence = results.begin(participant(number), {})["sequence"]
        rows = showings(Path("played"), sequence).to_dict("records")
        results.add(participant(number), [trial(row["position"], row["repeat"]) for row in rows])
    capsys.readouterr()
    assert game(monkeypatch, "score", "played", "--output", "scores") == 0
    assert "2 observers began, 2 count." in capsys.readouterr().out
    assert len(pd.read_csv("scores/data/description-trials_data.csv")) == 2 * 34
    assert "exists" in game(monkeypatch, "score", "played", "--output", "scores")
    two = ("score", "played", "consent.txt", "--output", "more")
    assert "one folder of a game" in game(monkeypatch, *two)
    assert game(monkeypatch, "score", "played", "--output", "x", "--only", "task") == 2
    assert "no folder of a game" in game(monkeypatch, "serve", "targets")


def test_a_page_opens_with_the_predictors_that_are_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def opened(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["memorability", "page", *arguments, "--port", "0"])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    def end(server: PageServer) -> None:
        served.append([facts.predictor for facts in server.scorers.facts])
        raise KeyboardInterrupt

    served: list[list[str]] = []
    monkeypatch.setattr(PageServer, "serve_forever", end)
    model = ("--model", str(place / "bundle.safetensors"), "--threads", "1")
    assert "Nothing says what to score with" in opened()
    assert "'resmem' is unknown" in opened("--predictor", "resmem")
    assert opened(*model) == 0
    assert capsys.readouterr().out.startswith("The page: http://127.0.0.1:")
    assert opened(*model, "--address", "0.0.0.0", "--name", "lab.example.org") == 0
    assert re.match(r"The page: http://lab\.example\.org:\d+/\S{20,}/\n", capsys.readouterr().out)
    assert served == [["study made_up"]] * 2
