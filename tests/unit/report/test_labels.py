"""Words for losses, features and for what an error is measured in."""

from itertools import product
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability.networks.catalogue import LOSS_BACKBONES, LOSSES
from memorability.report.labels import (
    correlated_with,
    head_label,
    loss_label,
    metric_label,
    metric_labels,
    score_label,
    with_networks,
)

RUN: dict[str, Any] = {
    "metric": "lpips_vgg",
    "backbone": "pretrained", "trained_by": "torchvision (ImageNet)", "published": "yes",
    "sign": "distance", "protocol": "paper",
    "loss": "lpips_vgg", "model": "",
}  # fmt: skip
ELSEWHERE = {"backbone": "", "trained_by": "", "published": "", "sign": "", "protocol": "external"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "LPIPS (VGG)"),
        ({"loss": "mse"}, "LPIPS (VGG)"),
        ({"backbone": "random"}, "LPIPS (VGG), random backbone"),
        ({"backbone": "vgg16_caffe"}, "LPIPS (VGG), weights vgg16_caffe"),
        ({"sign": "one_minus"}, "1 − LPIPS (VGG)"),
        (
            {"backbone": "random", "trained_by": "", "published": "no", "sign": "one_minus"},
            "1 − LPIPS (VGG), random backbone",
        ),
        ({"model": "untrained", "backbone": "random"}, "Untrained: LPIPS (VGG), random backbone"),
        ({"model": "fine_tuned"}, "Fine-tuned: LPIPS (VGG)"),
        (ELSEWHERE, "LPIPS (VGG), external"),
        (ELSEWHERE | {"loss": "their_own"}, "LPIPS (VGG), external (their_own)"),
    ],
)
def test_facts_are_said_in_words(changes: dict[str, str], words: str) -> None:
    assert metric_label(RUN | changes) == words
    assert metric_labels(pd.DataFrame([RUN | changes])) == [words]


def test_no_rows_have_no_labels() -> None:
    assert metric_labels(pd.DataFrame(columns=list(RUN))) == []


def _facts() -> list[tuple[str, str, str]]:
    return [
        (loss, backbone, sign)
        for loss in LOSSES
        for backbone in (
            ("pretrained", "random", "from_caffe") if loss in LOSS_BACKBONES else ("none",)
        )
        for sign in ("distance", "one_minus")
    ]


OWN = st.builds(
    lambda facts, model: (
        RUN | dict(zip(("metric", "backbone", "sign"), facts, strict=True), model=model)
    ),
    st.sampled_from(_facts()),
    st.sampled_from(["", "fine_tuned", "untrained", "grey"]),
)
EXTERNAL = st.builds(
    lambda metric, name: RUN | ELSEWHERE | {"metric": metric, "loss": name},
    st.sampled_from(list(LOSSES)),
    st.one_of(st.sampled_from(list(LOSSES)), st.from_regex(r"[a-z0-9_-]+", fullmatch=True)),
)


@given(first=OWN | EXTERNAL, second=OWN | EXTERNAL)
def test_different_facts_have_different_words(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    assert (metric_label(first) == metric_label(second)) == (first == second)


def test_all_facts_of_a_study_have_words_of_their_own() -> None:
    words = {
        metric_label(RUN | {"metric": metric, "backbone": backbone, "sign": sign, "model": model})
        for (metric, backbone, sign), model in product(_facts(), ("", "untrained", "grey"))
    }
    assert len(words) == 3 * len(_facts())


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("score", "memorability, as given in s.csv"),
        ("d_prime", "memorability, d′"),
        ("false_alarm_rate", "false alarms / responses"),
    ],
)
def test_an_axis_of_scores_has_the_unit_of_the_data_set(target: str, shown: str) -> None:
    assert score_label(target, "as given in s.csv") == shown


def test_an_axis_of_correlations_names_the_score_that_is_correlated() -> None:
    assert correlated_with("score", "error") == "Spearman's r of error with memorability"
    assert correlated_with("false_alarm_rate") == "Spearman's r with the false-alarm rate"


def test_the_model_of_a_latent_is_named_with_the_network_of_its_loss() -> None:
    error = {**RUN, "quantity": "error", "backbone": "random"}
    own = {
        **RUN, "quantity": "distinctiveness", "metric": "nearest_neighbour", "backbone": "",
        "sign": "",
    }  # fmt: skip
    theirs = own | {"protocol": "external", "loss": "theirs"}
    errors, latents = with_networks([pd.DataFrame([error]), pd.DataFrame([own, theirs])])
    assert metric_label(errors.iloc[0]) == "LPIPS (VGG), random backbone"
    assert [loss_label(row) for _, row in latents.iterrows()] == [
        "LPIPS (VGG), random backbone", "theirs, external",
    ]  # fmt: skip
    assert with_networks([]) == []
    (alone,) = with_networks([pd.DataFrame([theirs])])
    assert loss_label(alone.iloc[0]) == "theirs, external"


def test_a_head_is_called_by_its_registry_and_an_external_one_by_its_own_name() -> None:
    assert head_label("gru_pair_of_pairs") == "GRU of the published scripts, pairs of images"
    assert head_label("resmem_published") == "ResMem, as published"
    assert head_label("resmem") == "resmem"
