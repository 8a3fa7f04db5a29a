"""The explorer as a file: what a browser reads of it, what its bytes are, and what it leaves out."""

import base64
import hashlib
import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from memorability.images.thumbnails import as_webp, shrunk
from memorability.report.explorer.page import (
    NEIGHBOURS,
    Explored,
    ExplorerSettings,
    write_explorer,
)
from memorability.report.explorer.pictures import (
    LARGEST_PAGE,
    maps_of,
    photographs_and_reconstructions,
)

HOSTILE = "</script><script>window.bad = 1</script>&<img src=x onerror=bad()>.png"
SUBSET = Path(__file__).resolve().parents[5] / "shared" / "data" / "memcat_subset"
SETTINGS = ExplorerSettings(
    study="mine",
    target="score",
    loss="mse",
    losses={"mse": "MSE", "lpips_alex": "LPIPS (AlexNet), random backbone"},
    note="Observers are <simulated>.",
    without_photographs="",
    search="exact",
)


def per_image(count: int) -> pd.DataFrame:
    stream = np.random.default_rng(count)
    return pd.DataFrame(
        {
            "image_id": [f"id{row}" for row in range(count)],
            "file": [f"animal/photograph_{row:05d}.jpg" for row in range(count)],
            "category": np.where(np.arange(count) % 2, "food", "animal"),
            "hits": pd.array(stream.integers(0, 80, count), dtype="Int64"),
            "score": stream.uniform(0, 1, count),
            "predicted": stream.uniform(0, 1, count),
            "error_lpips_alex": stream.gamma(1, size=count),
            "error_mse": stream.gamma(1, size=count),
            "feature_saturation": np.full(count, np.nan),
        }
    )


def written(path: Path, table: pd.DataFrame, explored: Explored, **settings: Any) -> str:
    write_explorer(path, table, ExplorerSettings(**vars(SETTINGS) | settings), explored=explored)
    return path.read_text(encoding="utf-8")


def facts(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="facts">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    known: dict[str, Any] = json.loads(found[1])
    return known


def block(page: str, name: str) -> str:
    found = re.search(
        rf'<script type="text/plain" id="data-{name}">(.*?)</script>', page, re.DOTALL
    )
    return found[1] if found else ""


def array(page: str, name: str, dtype: str, columns: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(block(page, name)), dtype).reshape(-1, columns)


def test_numbers_and_labels_are_those_of_the_table(tmp_path: Path) -> None:
    table = per_image(5)
    table.loc[2, ["hits", "error_mse"]] = pd.NA
    page = written(tmp_path / "explorer.html", table, Explored())
    known = facts(page)
    assert [number["words"] for number in known["numbers"]] == [
        "Hits", "Memorability", "Predicted memorability",
        "Error: LPIPS (AlexNet), random backbone", "Error: MSE",
    ]  # fmt: skip
    columns = [number["column"] for number in known["numbers"]]
    assert "feature_saturation" not in columns, "no image has it"
    values = array(page, "numbers", "<f4", 5)
    expected = table[columns].astype("float64").to_numpy(np.float32, na_value=np.nan).T
    np.testing.assert_array_equal(values, expected)
    assert np.isnan(values[[0, 4], 2]).all()
    # What readers look for first: the score, the error of the analysed model, the predicted score.
    assert [columns[place] for place in known["first"]] == ["score", "error_mse", "predicted"]
    assert known["labels"]["category"] == {
        "names": ["animal", "food"],
        "codes": [0, 1, 0, 1, 0],
    }


def test_names_and_words_cannot_become_part_of_the_program(tmp_path: Path) -> None:
    table = per_image(3)
    table.loc[1, ["file", "category"]] = HOSTILE
    page = written(tmp_path / "explorer.html", table, Explored())
    known = facts(page)
    assert (known["files"][1], known["note"]) == (HOSTILE, SETTINGS.note)
    assert HOSTILE in known["labels"]["category"]["names"]
    assert "window.bad" not in re.sub(r'<script type="application/json".*?</script>', "", page)
    # The browser runs one program, that of this digest, and loads nothing.
    (program,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    assert (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
        in page
    )
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_neighbours_are_those_of_an_independent_search(tmp_path: Path) -> None:
    table = per_image(30)
    latents = np.random.default_rng(1).normal(size=(29, 6)).astype(np.float32)
    ids = table["image_id"].drop(index=4).sample(frac=1, random_state=0).tolist()
    page = written(tmp_path / "explorer.html", table, Explored(latents=(ids, latents)))
    assert facts(page)["neighbours"] == NEIGHBOURS
    nearest = array(page, "neighbours", "<i4", NEIGHBOURS)
    distances = array(page, "distances", "<f4", NEIGHBOURS)
    far, indices = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(latents).kneighbors()
    for place, image_id in enumerate(ids):
        row = int(image_id.removeprefix("id"))
        assert [f"id{near}" for near in nearest[row]] == [ids[near] for near in indices[place]]
        np.testing.assert_allclose(distances[row], far[place], rtol=1e-5)
    assert (nearest[4] == -1).all(), "it has no latent"


@pytest.mark.parametrize("count", [1, 2])
def test_a_study_of_very_few_images_has_a_page(count: int, tmp_path: Path) -> None:
    table = per_image(count)
    latents = (table["image_id"].tolist(), np.eye(2, dtype=np.float32)) if count == 2 else None
    page = written(tmp_path / "explorer.html", table, Explored(latents=latents))
    assert len(facts(page)["files"]) == count
    assert facts(page).get("neighbours", 1) == 1


def test_a_study_of_scores_alone_has_a_page(tmp_path: Path) -> None:
    table = per_image(4)[["image_id", "file", "score"]]
    page = written(
        tmp_path / "explorer.html",
        table,
        Explored(),
        loss="",
        without_photographs="There are none.",
    )
    known = facts(page)
    assert (known["first"], known["labels"]) == ([0], {})
    assert known["without_photographs"] == "There are none."
    assert [block(page, name) for name in ("photographs", "maps", "neighbours")] == [""] * 3


def decoded(coded: str) -> np.ndarray:
    with Image.open(BytesIO(base64.b64decode(coded))) as image:
        return np.asarray(image.convert("RGB")).transpose(2, 0, 1).astype(int)


def test_each_image_has_its_own_pictures(tmp_path: Path) -> None:
    table = per_image(3)
    pixels = np.zeros((2, 3, 224, 224), np.uint8)
    pixels[0, 0], pixels[1, 1] = 200, 100
    seen = (["id2", "id0"], pixels, pixels // 2)
    page = written(tmp_path / "explorer.html", table, Explored(seen=seen))
    photographs, made = (
        block(page, name).split("\n") for name in ("photographs", "reconstructions")
    )
    assert photographs[1] == made[1] == ""
    for row, place in ((2, 0), (0, 1)):
        assert np.abs(decoded(photographs[row]) - pixels[place]).max() < 8
        assert np.abs(decoded(made[row]) - pixels[place] // 2).max() < 8


def test_a_map_is_brightest_where_attributions_are_largest_whatever_their_sign() -> None:
    attributions = np.zeros((1, 3, 224, 224), np.float16)
    attributions[0, :, 112:, 112:] = -1
    drawn, nothing = maps_of([attributions[0], 0 * attributions[0]])
    brightness = decoded(drawn).sum(axis=0)
    assert brightness.shape == (28, 28)
    assert brightness[15:, 15:].min() > 3 * brightness[:13, :].max() + 100
    assert decoded(nothing).max() < 20, "a map of nothing is dark"


def test_attributions_that_have_not_converged_are_named(tmp_path: Path) -> None:
    table = per_image(4)
    attributions = pd.DataFrame(
        {"image_id": ["id3", "id1"], "converged": [True, False], "row": [1, 0]}
    )
    maps = np.zeros((2, 3, 224, 224), np.float16)
    maps[1, :, :112] = 1  # of id3
    page = written(tmp_path / "explorer.html", table, Explored(mapped=(attributions, maps)))
    assert facts(page)["not_converged"] == [1]
    lines = block(page, "maps").split("\n")
    assert [bool(line) for line in lines] == [False, True, False, True]
    bright = decoded(lines[3]).sum(axis=0)
    assert bright[:12].min() > 3 * bright[16:].max() + 100


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, 224, 224), dtype=np.uint8)


def test_pictures_become_coarser_until_the_page_is_small_enough(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table, pixels = per_image(2), noise(2)
    sizes = []
    for largest in (LARGEST_PAGE, 150_000):
        path = tmp_path / "explorer.html"
        seen = (table["image_id"].tolist(), pixels, pixels)
        write_explorer(path, table, SETTINGS, explored=Explored(seen=seen), largest=largest)
        sizes.append(path.stat().st_size)
    assert sizes[1] <= 150_000 < sizes[0]
    assert "exceeds" not in caplog.text
    photographs_and_reconstructions(pixels[:1], pixels[:1], taken=0, largest=10_000)
    assert "at the lowest quality: the page exceeds" in caplog.text


@pytest.mark.real_data
@pytest.mark.skipif(not SUBSET.is_dir(), reason=f"no real photographs in {SUBSET}")
def test_real_photographs_of_ten_thousand_images_fit_at_a_good_quality() -> None:
    # What 100 photographs take, times 100: the quality is that at which their page is small enough.
    files = sorted(SUBSET.rglob("*.jpg"))[::4][:100]
    pixels = np.empty((len(files), 3, 96, 96), np.uint8)
    for row, file in enumerate(files):
        with Image.open(file) as image:
            small = image.convert("RGB").resize((96, 96), Image.Resampling.BOX)
        pixels[row] = np.asarray(small).transpose(2, 0, 1)
    photographs = [len(base64.b64encode(as_webp(image, 25))) + 1 for image in pixels]
    blurred = shrunk(shrunk(pixels, 24), 96)  # an autoencoder keeps coarse structure
    made = [len(base64.b64encode(as_webp(image, 25))) + 1 for image in blurred]
    per_image_bytes = np.mean(photographs) + np.mean(made)
    assert per_image_bytes * 10_000 < LARGEST_PAGE - 3_500_000, per_image_bytes
