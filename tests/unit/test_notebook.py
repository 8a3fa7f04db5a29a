"""The functions that a notebook imports, against independent references."""

import doctest
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import lpips
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import stats

import memorability
from memorability.base.errors import InputError
from memorability.scorer.bundle import SavedPredictor, write_saved_predictor

ROOT = Path(__file__).parents[2]


def study(n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    category = np.repeat(["a", "b"], n // 2)
    scores = rng.normal(size=n) + (category == "b")
    return scores + rng.normal(size=n), scores, category


def test_what_the_package_offers_is_imported_only_when_it_is_asked_for() -> None:
    code = "import memorability, sys; print(dir(memorability)); print('pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("False\n")
    assert all(name in done.stdout for name in memorability.__all__)
    with pytest.raises(AttributeError, match="no attribute 'corelate'"):
        memorability.corelate  # noqa: B018


def test_the_stub_for_editors_names_what_the_package_offers() -> None:
    stub = (ROOT / "memorability" / "__init__.pyi").read_text(encoding="utf-8")
    named = {line.split()[-1] for line in stub.splitlines() if line.startswith("from")}
    assert named == set(memorability.__all__)


def test_correlations_are_those_of_scipy() -> None:
    values, scores, category = study()
    table = memorability.correlate(values, scores, category=category, draws=50)
    rows = table.set_index(["method", "group"])["r"]
    assert rows["pooled", "all"] == pytest.approx(stats.spearmanr(values, scores)[0])
    for name in "ab":
        inside = category == name
        expected = stats.spearmanr(values[inside], scores[inside])[0]
        assert rows["within", name] == pytest.approx(expected)
    assert table["ceiling"].isna().all()


def test_plain_lists_and_series_give_the_same_bounds_to_the_last_bit() -> None:
    values, scores, category = study()
    of_lists = memorability.correlate(values.tolist(), scores.tolist(), category=list(category))
    of_series = memorability.correlate(
        pd.Series(values, index=range(100, 160)), pd.Series(scores), category=pd.Series(category)
    )
    pd.testing.assert_frame_equal(of_lists, of_series)


def test_counts_put_the_ceiling_beside_a_correlation() -> None:
    rng = np.random.default_rng(1)
    truth = rng.beta(6, 3, size=80)
    counts = pd.DataFrame(
        {"hits": rng.binomial(60, truth), "false_alarms": rng.binomial(60, 0.1, 80)}
    ).assign(responses=60)
    scores = (counts["hits"] - counts["false_alarms"]) / 60
    row = memorability.correlate(truth, scores, counts=counts, draws=100).iloc[0]
    ceiling = memorability.noise_ceiling(
        counts["hits"], counts["false_alarms"], counts["responses"], draws=100
    )
    of_score = ceiling[(ceiling["target"] == "score") & (ceiling["method"] == "pooled")].iloc[0]
    assert row["ceiling"] == of_score["ceiling"]
    assert row["ceiling_share"] == pytest.approx(row["r"] / of_score["ceiling"])
    assert of_score["ceiling"] == pytest.approx(np.sqrt(of_score["full_length"]))


def made_up_alexnet(path: Path) -> lpips.LPIPS:
    """Write an AlexNet with random weights, and return the metric of the package with the same ones."""
    torch.manual_seed(3)
    with warnings.catch_warnings():
        # lpips asks torchvision by an argument that torchvision has renamed since.
        warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
        package = lpips.LPIPS(net="alex", pretrained=True, pnet_rand=True, verbose=False).eval()
    # "slice1.0.weight" is the layer that torchvision calls "features.0.weight".
    state = package.net.state_dict()
    torch.save({f"features.{key.split('.', 1)[1]}": state[key] for key in state}, path)
    return package


def test_lpips_is_that_of_its_package(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    images, others = rng.integers(0, 256, (2, 3, 64, 64, 3), dtype=np.uint8)
    package = made_up_alexnet(tmp_path / "alexnet.pth")
    ours = memorability.lpips_errors(images, others, weights=tmp_path / "alexnet.pth", batch_size=2)
    tensors = [torch.from_numpy(each).permute(0, 3, 1, 2) / 127.5 - 1 for each in (images, others)]
    with torch.inference_mode():
        expected = package(*tensors).flatten().numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-5)
    none = memorability.lpips_errors(images[:0], others[:0], weights=tmp_path / "alexnet.pth")
    assert none.shape == (0,)


def test_examples_of_the_documentation_print_what_they_say(tmp_path: Path) -> None:
    made_up_alexnet(tmp_path / "alexnet.pth")
    failed, tried = doctest.testfile(
        str(ROOT / "docs" / "notebook.md"), module_relative=False, encoding="utf-8",
        globs={"weights": tmp_path / "alexnet.pth"},
    )  # fmt: skip
    assert tried > 10
    assert failed == 0


def test_a_saved_predictor_scores_a_folder(saved: SavedPredictor, tmp_path: Path) -> None:
    file = tmp_path / "bundle.safetensors"
    write_saved_predictor(saved, file)
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    Image.new("RGB", (40, 30), "red").save(photographs / "red.png")
    (photographs / "broken.png").write_bytes(b"no image")
    table = memorability.score_images(photographs, str(file))
    one = memorability.score_images([photographs / "red.png"], str(file))
    assert [Path(name).name for name in table["file"]] == ["broken.png", "red.png"]
    assert table["score"].isna().tolist() == [True, False]
    assert table["reason"].iloc[0]
    assert one["score"].item() == table["score"].iloc[1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: memorability.correlate([1, 2], [1, 2, 3]), r"values has shape \(2,\)"),
        (
            lambda: memorability.correlate([1, np.nan], [1, 2]),
            "values has no finite number in row 1",
        ),
        (lambda: memorability.correlate(["x", "y"], [1, 2]), "values are not numbers"),
        (lambda: memorability.correlate([1, 2], [1, 2], category=["a", None]), "in row 1"),
        (lambda: memorability.noise_ceiling([9], [0], [4]), "Correct hits"),
        (lambda: memorability.noise_ceiling([1, 2], [0], [4, 4]), "false_alarms has shape"),
        (lambda: memorability.lpips_errors(np.zeros((1, 3, 8, 8)), np.zeros(1)), "uint8"),
        (
            lambda: memorability.lpips_errors(
                np.zeros((1, 8, 8, 3), np.uint8), np.zeros((2, 8, 8, 3), np.uint8)
            ),
            "as many of the same size",
        ),
        (
            lambda: memorability.lpips_errors(
                np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 8, 8, 3), np.uint8), "vgg19"
            ),
            "network of LPIPS",
        ),
        (lambda: memorability.score_images(ROOT / "envs"), "named like an image"),
        (lambda: memorability.score_images("red.png", "resmen"), "did you mean"),
    ],
)
def test_what_cannot_be_worked_with_is_named(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()
