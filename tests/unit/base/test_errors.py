"""The clause that helps a user who mistyped a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability.base.errors import InputError, named, nearest

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)


def test_a_mistyped_name_is_answered_with_the_one_it_was_meant_to_be() -> None:
    clause = nearest("lpips_sqeeze", ["mse", "lpips_vgg", "lpips_squeeze"])
    assert clause == "did you mean 'lpips_squeeze'?"


def test_a_name_that_resembles_none_is_answered_with_all_in_alphabetical_order() -> None:
    assert nearest("qqq", ["style", "mse"]) == "known: mse, style"


def test_known_names_may_come_from_a_generator() -> None:
    assert nearest("mze", (name for name in ("style", "mse"))) == "did you mean 'mse'?"


@given(st.sets(NAMES, min_size=1, max_size=8), st.data())
def test_every_known_name_is_nearest_to_itself(known: set[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(known)))
    assert nearest(name, known) == f"did you mean {name!r}?"


@given(NAMES, st.sets(NAMES, min_size=1, max_size=8))
def test_the_clause_always_names_something_known(name: str, known: set[str]) -> None:
    assert any(word in nearest(name, known) for word in known)


def test_a_registry_gives_its_entry_or_the_nearest_name() -> None:
    assert named({"mse": 1, "style": 2}, "style", "loss") == 2
    with pytest.raises(InputError, match=r"The loss 'stile' is unknown .did you mean 'style'"):
        named({"mse": 1, "style": 2}, "stile", "loss")
