"""Named streams of random numbers."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memorability.base.seeding import make_deterministic, numpy_stream, stream_seed, torch_stream

SEEDS = st.integers(0, 2**31)
NAMES = st.text(max_size=20)


@pytest.mark.parametrize(
    ("seed", "name", "expected"),
    # `printf '0:order' | sha256sum`: the first 16 hexadecimal digits, halved.
    [
        (0, "order", 0x23EAF8BFB83FDE6D // 2),
        (42, "initial weights", 0xC88B2662BF3D6748 // 2),
        (7, "bootstrap", 0xBA8A06FD91014EF7 // 2),
    ],
)
def test_the_seed_of_a_stream_is_the_same_on_every_machine(
    seed: int, name: str, expected: int
) -> None:
    assert stream_seed(seed, name) == expected


@given(SEEDS, NAMES)
def test_every_seed_of_a_stream_fits_what_torch_and_numpy_take(seed: int, name: str) -> None:
    assert 0 <= stream_seed(seed, name) < 2**63


@given(st.tuples(SEEDS, NAMES), st.tuples(SEEDS, NAMES))
def test_two_streams_share_a_seed_only_if_they_share_seed_and_name(
    first: tuple[int, str], second: tuple[int, str]
) -> None:
    assert (stream_seed(*first) == stream_seed(*second)) == (first == second)


@pytest.mark.parametrize("other", [(0, "dropout"), (1, "order")])
def test_streams_that_differ_in_seed_or_name_are_uncorrelated(other: tuple[int, str]) -> None:
    n = 10_000
    for make in (
        lambda *key: numpy_stream(*key).random(n),
        lambda *key: torch.rand(n, generator=torch_stream(*key)).numpy(),
    ):
        r = np.corrcoef(make(0, "order"), make(*other))[0, 1]
        assert abs(r) < 4 / np.sqrt(n)


def test_a_stream_repeats_itself_whatever_other_streams_drew() -> None:
    first, first_torch = (
        numpy_stream(3, "order").random(5),
        torch.rand(5, generator=torch_stream(3, "order")),
    )
    numpy_stream(3, "dropout").random(1000)
    torch.rand(1000, generator=torch_stream(3, "dropout"))
    np.testing.assert_array_equal(numpy_stream(3, "order").random(5), first)
    assert torch.equal(torch.rand(5, generator=torch_stream(3, "order")), first_torch)


def test_streams_leave_the_global_generators_as_they_were() -> None:
    numpy_before = np.random.get_state(legacy=False)  # noqa: NPY002  # the state under test
    torch_before = torch.get_rng_state()
    numpy_stream(0, "order").random(10)
    torch.rand(10, generator=torch_stream(0, "order"))
    numpy_after = np.random.get_state(legacy=False)  # noqa: NPY002
    np.testing.assert_equal(numpy_after, numpy_before)
    assert torch.equal(torch.get_rng_state(), torch_before)


@pytest.fixture
def _torch_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    before = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
    )
    yield
    torch.set_num_threads(before[0])
    torch.use_deterministic_algorithms(before[1])
    torch.backends.cudnn.benchmark = before[2]
    torch.backends.cudnn.allow_tf32 = before[3]
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)


@pytest.mark.usefixtures("_torch_as_before")
def test_a_deterministic_process_has_the_threads_asked_for_and_refuses_other_kernels() -> None:
    torch.backends.cudnn.benchmark = True
    make_deterministic(1)
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.allow_tf32
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] in {":4096:8", ":16:8"}  # what cuBLAS documents


@pytest.mark.usefixtures("_torch_as_before")
def test_a_workspace_that_the_user_chose_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    make_deterministic(1)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
