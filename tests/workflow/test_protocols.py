"""A study of several protocols: what is made of them, in which order, and what the report shows."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from memorability.tables import store
from tests.tables import read_record

pytestmark = pytest.mark.long

EFFECTS = "results/tiny/tables/protocol_effects"
FIGURE = "results/tiny/figures/protocol_effects"
TARGETS = [f"{EFFECTS}.{kind}" for kind in ("parquet", "tsv", "html")] + [f"{FIGURE}.svg"]
OVERLAYS = {
    # Fixed, and with no weights left to chance: nothing for a seed to vary.
    "chain": "extends: untrained_start\nsweep: carried_over\n",
    "fixed": "extends: untrained_start\nseed_varies: order\norder: listed\n",
    "halved": "extends: untrained_start\nfine_tuned_on: train_split\n",
}
CHANGES: dict[str, Any] = {
    "protocols": ["untrained_start", "chain", "halved"],
    "learning_rates": ["1e-3", "1e-4"],
}


@pytest.fixture(scope="module")
def snakefile(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Snakefile of a workflow with further protocols."""
    copy = tmp_path_factory.mktemp("protocols") / "workflow"
    shutil.copytree(pristine, copy)
    for name, text in OVERLAYS.items():
        (copy / "protocols" / f"{name}.yaml").write_text(text)
    return copy / "Snakefile"


@pytest.fixture(scope="module")
def compared(tiny: Callable[..., Path], snakemake: Callable[..., Any], snakefile: Path) -> Path:
    directory = tiny(**CHANGES)
    done = snakemake(
        *TARGETS, cwd=directory, configfile=directory / "study.yaml", snakefile=snakefile
    )
    assert done.returncode == 0, done.stdout
    return directory


def errors(directory: Path, **keys: str) -> pd.DataFrame:
    run = "/".join(f"{key}={value}" for key, value in keys.items())
    return store.read(directory / f"results/tiny/errors/{run}/part.parquet", "errors")


def test_every_choice_is_compared_for_every_loss_and_learning_rate(compared: Path) -> None:
    effects = store.read(compared / f"{EFFECTS}.parquet", "protocol_effects")
    pairs = effects.groupby(["base_protocol", "protocol"])["choice"].first().to_dict()
    assert pairs == {
        ("untrained_start", "chain"): "sweep",
        ("untrained_start", "halved"): "fine_tuned_on",
    }
    assert len(effects) == 2 * 2
    assert (effects["n"] == 12).all()
    assert read_record(compared / f"{EFFECTS}.parquet")["study"] == "tiny"


def test_only_the_first_run_of_a_carried_over_sweep_is_that_of_a_fresh_one(compared: Path) -> None:
    effects = store.read(compared / f"{EFFECTS}.parquet", "protocol_effects")
    chain = effects[effects["protocol"] == "chain"].set_index("lr")["difference"]
    assert chain["1e-3"] == 0
    for lr in ("1e-3", "1e-4"):
        ours, theirs = (
            errors(compared, protocol=protocol, loss="mse", lr=lr, seed="0")["error"]
            for protocol in ("chain", "untrained_start")
        )
        assert ours.equals(theirs) == (lr == "1e-3")


def test_the_report_shows_table_and_figure_with_their_caption(
    compared: Path, snakemake: Callable[..., Any], snakefile: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    done = snakemake(
        "--report", page, *TARGETS, cwd=compared, configfile=compared / "study.yaml",
        snakefile=snakefile,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    shown = " ".join(page.read_text().replace("\\n", " ").split())
    assert "so that the interval is one of the difference" in shown
    assert "is not finished" in shown, "only a part was asked for"
    assert f"{EFFECTS}.html" in shown
    assert f"{FIGURE}.svg" in shown


@pytest.mark.parametrize(
    ("protocols", "seeds", "comparisons", "runs"),
    [
        (["untrained_start"], [0, 1], 0, 4),
        (["untrained_start", "halved"], [0, 1], 1, 8),
        # A seed changes nothing of the second: one of its runs stands for both.
        (["untrained_start", "fixed"], [0, 1], 1, 6),
    ],
)
def test_runs_and_comparisons_are_those_that_have_something_to_say(
    protocols: list[str],
    seeds: list[int],
    comparisons: int,
    runs: int,
    tiny: Callable[..., Path],
    snakemake: Callable[..., Any],
    snakefile: Path,
) -> None:
    directory = tiny(**CHANGES | {"protocols": protocols, "seeds": seeds})
    done = snakemake(
        "--dry-run", "--quiet", "rules", cwd=directory, configfile=directory / "study.yaml",
        snakefile=snakefile,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE))
    assert int(jobs["finetune"]) == runs
    for rule in ("compare_protocols", "plot_protocol_effects"):
        assert int(jobs.get(rule, 0)) == comparisons


def test_a_loss_whose_every_run_diverged_is_a_result(
    tiny: Callable[..., Path], snakemake: Callable[..., Any], snakefile: Path
) -> None:
    # Whatever follows the learning rate beyond reason in a carried-over sweep diverges with it.
    changes = {"protocols": ["untrained_start", "chain"], "losses": ["mse", "mae"]}
    directory = tiny(**CHANGES | changes | {"learning_rates": ["1e-3", "1e30"]})
    results = directory / "results" / "tiny"
    names = ("matrix", "selection", "forest", "controls", "protocol_effects")
    figures = [f"results/tiny/figures/{name}.svg" for name in names]
    done = snakemake(
        *figures, "results/tiny/tables/table_1.tsv", cwd=directory,
        configfile=directory / "study.yaml", snakefile=snakefile,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    lost = {"protocol": "chain", "loss": "mae"}
    part = results / "matrix/protocol=chain/loss=mae/seed=0/part.parquet"
    assert store.read(part, "matrix")["error"].isna().all()
    assert "no r" in (results / "figures" / "matrix.svg").read_text()
    table = store.read(results / "tables/correlations/matrix.parquet", "correlations")
    rows = table[(table[list(lost)] == pd.Series(lost)).all(axis=1)]
    assert set(rows["diverged"]) == {"seed 0 at step 1"}
    assert rows["r"].isna().all()
    assert table.loc[(table["protocol"] == "untrained_start"), "r"].notna().any()
    table_1 = pd.read_csv(results / "tables" / "table_1.tsv", sep="\t", keep_default_na=False)
    row = table_1[(table_1["protocol"] == "chain") & (table_1["loss"] == "MAE")].squeeze()
    assert (row["r"], row["diverged"]) == ("", "seed 0 at step 1")
