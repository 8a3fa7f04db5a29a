"""The grid of runs, and the labels of learning rates."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from memorability.base.errors import InputError
from memorability.base.run_keys import RUN_KEYS
from memorability.study.grid import Run, grid, learning_rate, previous

ROOT = Path(__file__).parents[3]
RATES = st.floats(min_value=1e-300, max_value=1e300)


def published_grid() -> tuple[Run, ...]:
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    return grid(*(config[key] for key in ("protocols", "losses", "learning_rates", "seeds")))


def path_constraint() -> str:
    """Return the expression by which the workflow finds a learning rate in a path."""
    constraint = re.search(r"\{lr,([^}]+)\}", (ROOT / "rules" / "common.smk").read_text())
    assert constraint is not None
    return constraint[1]


def test_the_published_study_has_390_different_runs() -> None:
    runs = published_grid()
    assert len(runs) == len(set(runs)) == len({run.path for run in runs}) == 390


def test_the_published_learning_rates_span_seven_decades_in_ascending_order() -> None:
    labels = list(dict.fromkeys(run.lr for run in published_grid()))
    rates = [learning_rate(label) for label in labels]
    # 1 and 5 of each decade from 1e-7 to 0.05, then 0.1.
    expected = [mantissa * 10.0**power for power in range(-7, -1) for mantissa in (1, 5)] + [0.1]
    assert rates == pytest.approx(expected)
    assert all(low < high for low, high in pairwise(rates))


def test_runs_are_listed_in_the_order_of_the_configuration() -> None:
    runs = grid(["b", "a"], ["mse"], ["1e-3", "1e-4"], [1, 0])
    found = [(run.protocol, run.lr, run.seed) for run in runs]
    assert found == [
        ("b", "1e-3", 1), ("b", "1e-3", 0), ("b", "1e-4", 1), ("b", "1e-4", 0),
        ("a", "1e-3", 1), ("a", "1e-3", 0), ("a", "1e-4", 1), ("a", "1e-4", 0),
    ]  # fmt: skip


def test_a_path_names_the_run_in_the_words_of_the_configuration() -> None:
    run = Run(protocol="paper", loss="lpips_squeeze", lr="5e-6", seed=3)
    assert run.path == "protocol=paper/loss=lpips_squeeze/lr=5e-6/seed=3"


def test_a_path_can_be_read_back() -> None:
    for run in published_grid():
        keys = dict(part.split("=") for part in run.path.split("/"))
        assert tuple(keys) == RUN_KEYS
        assert Run(**(keys | {"seed": int(keys["seed"])})) == run  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("label", "rate"), [("5e-6", 0.000005), ("0.001", 0.001), ("1e-3", 0.001), ("1", 1.0)]
)
def test_a_label_stands_for_the_number_it_spells(label: str, rate: float) -> None:
    assert learning_rate(label) == rate


@given(RATES)
def test_a_label_loses_no_digit_of_its_number(rate: float) -> None:
    assert learning_rate(repr(rate)) == rate


@pytest.mark.parametrize(
    "label", [0.001, 1, True, None, "", "fast", "nan", "inf", "-inf", "-1e-3", "0", "0.0", ["1e-3"]]
)
def test_what_is_no_quoted_positive_number_is_refused_with_the_way_to_write_it(
    label: object,
) -> None:
    with pytest.raises(InputError, match="is not a label of a positive number") as refusal:
        learning_rate(label)  # type: ignore[arg-type]
    assert repr(label) in str(refusal.value)
    assert 'learning_rates: ["5e-6"]' in str(refusal.value)


@pytest.mark.parametrize("label", ["1E-3", " 1e-3", "1e-3\n", "1_0e-3", "١e-3"])
def test_a_label_that_the_workflow_could_not_find_in_a_path_is_refused(label: str) -> None:
    assert not re.fullmatch(path_constraint(), label), "the workflow does find it"
    with pytest.raises(InputError):
        learning_rate(label)


def test_every_published_label_can_be_found_in_a_path() -> None:
    assert all(re.fullmatch(path_constraint(), run.lr) for run in published_grid())


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (
            (["paper"], ["mse"], ["1e-3", "0.001"], [0]),
            "learning_rates names 0.001 more than once",
        ),
        ((["paper"], ["mse"], ["1e-3"], [0, 1, 0]), "seeds names 0 more than once"),
        ((["paper"], ["mse", "mse"], ["1e-3"], [0]), "losses names mse more than once"),
        ((["paper", "paper"], ["mse"], ["1e-3"], [0]), "protocols names paper more than once"),
    ],
)
def test_a_run_that_would_be_made_twice_is_refused(
    lists: tuple[list[str], list[str], list[str], list[int]], message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        grid(*lists)


# The published sweep


def test_one_model_passes_through_the_learning_rates_of_one_loss_after_the_other() -> None:
    runs = grid(["a", "b"], ["mse", "style"], ["1e-3", "1e-1", "1e-2"], [1, 0])
    for protocol in ("a", "b"):
        for seed in (0, 1):
            passed = []
            run: Run | None = Run(protocol=protocol, loss="style", lr="1e-2", seed=seed)
            while run:
                passed.append((run.protocol, run.seed, run.loss, run.lr))
                run = previous(run, runs)
            expected = [
                (protocol, seed, loss, lr)
                for loss in ("style", "mse")
                for lr in ("1e-2", "1e-1", "1e-3")
            ]
            assert passed == expected


def test_lpips_vgg_at_5e_4_was_the_21st_epoch_where_it_was_the_second_loss() -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    runs = grid(["released"], ["mse", "lpips_vgg"], config["learning_rates"], [0])
    run: Run | None = Run(protocol="released", loss="lpips_vgg", lr="5e-4", seed=0)
    epochs = 0
    while run:
        epochs, run = epochs + 1, previous(run, runs)
    assert epochs == 21
