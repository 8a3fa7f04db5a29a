"""What a user reads when something is wrong: what, where, and what to do next, before any training.

Every case runs the workflow as far as the prepared images. Of what is refused before any job there is
a case of each kind: the form of the configuration, keys that contradict each other, a path, a
directory without write permission, weights. The words of the other refusals are checked in
tests/unit/test_configuration.py. The words of all cases here are printed after the tests.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest
from PIL import Image

from memorability.tables import store

PREPARED = "results/tiny/images/squash/images.parquet"
REJECTED = "results/tiny/images/squash/rejected.parquet"
ERRORS = "results/tiny/errors/protocol={protocol}/loss={loss}/lr=1e-3/seed=0/part.parquet"

Damage = Callable[[Path], object]
# Where a case ends: before any job, in the job that prepares images, or with that image left out.
Ending = Literal["before any job", "preparing images", "image rejected"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A mistake and what the user must be told.

    Parameters
    ----------
    says
        Parts of the message: what is wrong, where, what to do next. Of a rejected image: the file,
        then parts of the reason.
    config
        What differs from the tiny study.
    damage
        Called with the study's directory, which holds data/images and data/scores.csv.
    shell
        Prepares the ground in a mount namespace of the run.
    ends
        Where.
    target
        File to ask for.
    """

    says: tuple[str, ...]
    config: dict[str, Any] = field(default_factory=dict)
    damage: Damage = lambda directory: None
    shell: str = ""
    ends: Ending = "before any job"
    target: str = PREPARED


def edited(change: Callable[[pd.DataFrame], pd.DataFrame | None]) -> Damage:
    """Edit the table of scores, in place or by returning another."""

    def damage(directory: Path) -> None:
        path = directory / "data" / "scores.csv"
        table = pd.read_csv(path, dtype=object)
        changed = change(table)
        (table if changed is None else changed).to_csv(path, index=False)

    return damage


def cell(row: int, column: str, value: str) -> Damage:
    """Write `value` into a cell of the table of scores; row 1 is line 2 of the file."""
    return edited(
        lambda table: table.__setitem__(column, table[column].where(table.index != row - 1, value))
    )


def image(name: str, change: Callable[[Path], object]) -> Damage:
    """Change the image file `name`."""
    return lambda directory: change(directory / "data" / "images" / name)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def corrupted(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)


def small(path: Path) -> None:
    Image.open(path).resize((190, 160)).save(path)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("not an image\n" * 99, encoding="utf-8")


def twin(path: Path) -> None:
    shutil.copy(path.with_name("food_4.jpg"), path)


def as_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def each_image(category: str, change: Callable[[Path], object]) -> Damage:
    def damage(directory: Path) -> None:
        for path in sorted((directory / "data" / "images").glob(f"{category}_*.jpg")):
            change(path)

    return damage


def without(path: str) -> Damage:
    def damage(directory: Path) -> None:
        target = directory / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return damage


def rejected(file: str, change: Callable[[Path], object], *reasons: str) -> Case:
    """Return the case of one bad image that a study leaves out."""
    return Case(damage=image(file, change), ends="image rejected", says=(file, *reasons))


def mounted(options: str, directory: str = "results") -> str:
    return f"mkdir -p {directory} && mount -t tmpfs -o {options} tmpfs {directory}"


CASES = {
    # The configuration
    "several mistakes at once": Case(
        config={"epochs": "one", "seeds": [-1], "losses": ["mse", "lpips"]},
        says=("epochs: 'one'", "seeds.0: -1", "losses.1: 'lpips' is unknown"),
    ),
    "selected run that is not made": Case(
        config={"selected": {"learning_rate": "0.001"}},
        says=("selected: no run", "learning rate '0.001'", "did you mean", "labels"),
    ),
    # Paths
    "no image directory": Case(
        damage=without("data/images"),
        says=("dataset.images: data/images does not exist", "Relative paths start from"),
    ),
    "results without write permission": Case(
        shell=mounted("ro"),
        says=("Results cannot be written to results/tiny", "permissions", "--directory"),
    ),
    "training state without write permission": Case(
        shell=mounted("ro", "resources/checkpoints"),
        says=("Training state cannot be written to resources/checkpoints", "permissions"),
    ),
    "no room for the models": Case(
        config={"autoencoder": {"width": 1}},
        shell=mounted("size=1m"),
        says=("results/tiny has 0.0 GB free, but the models of 1 runs take 0.1 GB", "--directory"),
    ),
    "full disk": Case(
        shell=mounted("size=1m"),
        ends="preparing images",
        says=("pixels.npy could not be written: No space left", "Free space", "run again"),
    ),
    "no weights of the networks that find objects": Case(
        config={"weights": {"source": "directory", "directory": "my-weights"}},
        target=ERRORS.format(protocol="untrained_start", loss="mse"),
        says=(
            "Weights files are missing: my-weights/deeplabv3_resnet101_coco",
            "my-weights/fasterrcnn_resnet50_fpn_coco",
            "features: {objects: false}",
        ),
    ),
    # The table of scores
    "score above 1": Case(
        damage=cell(3, "score", "57"),
        ends="preparing images",
        says=("data/scores.csv, column 'score'", "outside −1 to 1", "line 4: ", "57", "by 100"),
    ),
    "score below -1": Case(
        damage=cell(5, "score", "-1.1"),
        ends="preparing images",
        says=("data/scores.csv, column 'score'", "outside −1 to 1", "line 6: ", "-1.1"),
    ),
    "hits and false alarms exchanged": Case(
        config={"dataset": {"columns": {"hits": "false_alarms", "false_alarms": "hits"}}},
        ends="preparing images",
        says=(
            "counts do not give the score",
            "line 2",
            "hits and false alarms seem to be exchanged",
        ),
    ),
    "two spellings of a category": Case(
        damage=edited(
            lambda table: table.assign(category=["Animal"] * 2 + ["animal"] * 4 + ["food"] * 6)
        ),
        ends="preparing images",
        says=("'Animal' (2 rows, the first in line 2)", "'animal' (4 rows", "letter case"),
    ),
    "score that is no number": Case(
        damage=cell(2, "score", "high"),
        ends="preparing images",
        says=("column 'score'", "not a number", "line 3: 'high'", "Correct these rows"),
    ),
    "count that is no count": Case(
        damage=cell(4, "hits", "2.5"),
        ends="preparing images",
        says=("column 'hits'", "not a count", "line 5: ", "2.5", "Correct these rows"),
    ),
    "missing column": Case(
        damage=edited(lambda table: table.rename(columns={"score": "scores"})),
        ends="preparing images",
        says=("data/scores.csv has no column 'score'", "did you mean 'scores'?", "dataset.columns"),
    ),
    "score table without rows": Case(
        damage=edited(lambda table: table.head(0)),
        ends="preparing images",
        says=("data/scores.csv has no rows", "Choose another table"),
    ),
    "row with a cell too many": Case(
        damage=lambda directory: (directory / "data/scores.csv").write_text(
            (directory / "data/scores.csv").read_text().replace("animal_1.jpg", "animal,1.jpg")
        ),
        ends="preparing images",
        says=("data/scores.csv, line 3 has 8 cells, but the header has 7", "Correct the line"),
    ),
    "image listed twice": Case(
        damage=edited(lambda table: pd.concat([table, table.iloc[[1]]])),
        ends="preparing images",
        says=("'animal_1' more than once", "line 3", "line 14", "Remove or rename"),
    ),
    "blank category": Case(
        damage=cell(6, "category", "  "),
        ends="preparing images",
        says=("column 'category'", "empty label", "line 7", "Correct these rows"),
    ),
    "category seen once": Case(
        damage=cell(7, "category", "foods"),
        ends="preparing images",
        says=(
            "line 8: the category 'foods' is seen once",
            "did you mean 'food'?",
            "correct or remove",
        ),
    ),
    "images of another directory": Case(
        damage=edited(lambda table: table.assign(file="photos/" + table["file"])),
        ends="preparing images",
        says=("12 of 12 rows", "'photos/animal_0.jpg'", "holds 12 images", "dataset.columns.file"),
    ),
    # Images
    "category without a usable image": Case(
        damage=each_image("animal", truncated),
        ends="preparing images",
        says=(
            "Of 12 images 6 can be used",
            "category 'animal'",
            "animal_0.jpg: is damaged",
            "Correct",
        ),
    ),
    "bad image in a study that stops": Case(
        config={"images": {"on_bad_image": "stop"}},
        damage=image("food_3.jpg", truncated),
        ends="preparing images",
        says=("1 images cannot be used", "food_3.jpg: is damaged", "images.on_bad_image: reject"),
    ),
}
# One image each, all in one study that goes on without them.
CASES |= {
    "score without image": rejected(
        "food_1.jpg", Path.unlink, "is in the score table, but no such"
    ),
    "image without score": Case(
        damage=edited(lambda table: table[table["file"] != "animal_4.jpg"]),
        ends="image rejected",
        says=("animal_4.jpg", "is not in the score table"),
    ),
    "row without a score": Case(
        damage=cell(3, "score", "NA"),
        ends="image rejected",
        says=("animal_2.jpg", "has no score in the score table"),
    ),
    "corrupt JPEG": rejected("food_0.jpg", corrupted, "is damaged"),
    "truncated JPEG": rejected("food_2.jpg", truncated, "is damaged or truncated"),
    "file of zero bytes": rejected("food_3.jpg", empty, "is empty (zero bytes)"),
    "directory for an image": rejected("animal_0.jpg", as_directory, "is a directory"),
    "text for an image": rejected("animal_1.jpg", text, "is not an image that can be read"),
    "image too small for the loss": rejected("animal_3.jpg", small, "is 190 x 160", "at least 161"),
    "same picture twice": rejected("food_5.jpg", twin, "shows the same pixels as food_4.jpg"),
}


@dataclass(frozen=True)
class Outcome:
    """What a run left: exit status, console, directory."""

    status: int
    console: str
    directory: Path

    @property
    def message(self) -> str:
        """What the console says of the mistake, without what Snakemake says around it."""
        log = re.search(r"={80}\n(.*?)\n={80}", self.console, re.DOTALL)
        if log:
            return re.sub(r"^\S+ \S+ (ERROR|INFO) ", "", log[1].strip(), flags=re.MULTILINE)
        raised = re.search(
            r'^WorkflowError in file "[^\n]*\n(.*?)\n  File "',
            self.console,
            re.DOTALL | re.MULTILINE,
        )
        return raised[1] if raised else self.console.strip()


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tiny: Callable[..., Path], snakemake: Callable[..., Any]
) -> Iterator[dict[str, Future[Outcome]]]:
    """Runs of the cases that were asked for, two at a time."""

    def run(*cases: Case) -> Outcome:
        directory = tiny(**cases[0].config)
        for case in cases:
            case.damage(directory)
        done = snakemake(
            cases[0].target,
            cwd=directory,
            configfile=directory / "study.yaml",
            shell=cases[0].shell,
        )
        return Outcome(done.returncode, done.stdout, directory)

    names = [
        item.callspec.params["name"]
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    ]
    cases = [CASES[name] for name in names]
    rejecting = [case for case in cases if case.ends == "image rejected"]
    needs_small = Case(config={"losses": ["ms_ssim"], "selected": {"loss": "ms_ssim"}}, says=())
    with ThreadPoolExecutor(2) as pool:
        together = pool.submit(run, needs_small, *rejecting) if rejecting else None
        runs = [pool.submit(run, case) if case not in rejecting else together for case in cases]
        yield dict(zip(names, runs, strict=True))
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def can_mount() -> bool:
    """Whether this user may mount in a namespace of its own."""
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return bool(shutil.which("unshare")) and not subprocess.run(probe, check=False).returncode


def missing_parts(parts: Iterable[str], message: str) -> list[str]:
    flowing = " ".join(message.split())
    return [part for part in parts if part not in flowing]


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_explained(
    name: str,
    outcomes: dict[str, Future[Outcome]],
    can_mount: bool,
    record_property: Callable[[str, object], None],
) -> None:
    case = CASES[name]
    if case.shell and not can_mount:
        pytest.skip("this user may not mount, so neither a full nor a read-only disk can be made")
    outcome = outcomes[name].result()
    results = outcome.directory / "results" / "tiny"
    assert not (results / "errors").exists(), "nothing is trained"
    assert not (results / "models").exists(), "nothing is trained"
    assert "Traceback" not in outcome.console
    if case.ends == "image rejected":
        assert outcome.status == 0, outcome.console
        file, *reasons = case.says
        listed = store.read(outcome.directory / REJECTED, "rejected").set_index("file")["reason"]
        record_property(f"bad input: {name}", f"{file} {listed[file]}")
        assert not missing_parts(reasons, listed[file]), listed[file]
        assert file not in list(store.read(outcome.directory / PREPARED, "images")["file"])
        return
    record_property(f"bad input: {name}", outcome.message)
    assert outcome.status != 0
    assert not missing_parts(case.says, outcome.console), outcome.message
    assert ("rule prepare_images" in outcome.console) == (case.ends == "preparing images")
    assert not (outcome.directory / PREPARED).exists()
    left = [path.name for path in results.rglob("*") if path.name.endswith(".partial")]
    assert not left, "nothing half-written is left"
