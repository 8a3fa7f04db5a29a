"""The page that scores images, in a real browser: what is dropped appears with its score, in order."""

import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from memorability.page.scoring import Scorers
from memorability.page.serving import PageServer
from memorability.page.unpacking import Unpacker
from memorability.pixel_predictors.contract import Facts, PixelPredictor

pytestmark = pytest.mark.long


class Brightness(nn.Module):
    """Mean of the pixels (N, 3, H, W) in 0-1, or its complement."""

    def __init__(self, sign: int) -> None:
        super().__init__()
        self.sign = sign

    def forward(self, pixels: Tensor) -> Tensor:
        mean = pixels.to(torch.float32).mean(dim=(1, 2, 3)) / 255
        return mean if self.sign > 0 else 1 - mean


def by_brightness(name: str, sign: int) -> PixelPredictor:
    facts = Facts(
        predictor=name, predicts="brightness", trained_on="nothing", version="1",
        weights_sha256="0" * 64, preprocessing="8 × 8 pixels", licence="MIT",
    )  # fmt: skip

    def prepare(image: Image.Image) -> npt.NDArray[np.uint8]:
        return np.asarray(image.resize((8, 8))).transpose(2, 0, 1)

    return PixelPredictor(facts=facts, prepare=prepare, network=Brightness(sign))


@pytest.fixture
def link() -> Iterator[str]:
    predictors = [by_brightness("bright", 1), by_brightness("dark", -1)]
    unpacker = Unpacker(3)
    scorers = Scorers(predictors, None, "cpu", 1, unpacker)
    with unpacker, PageServer(scorers, address="127.0.0.1", port=0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.link
        server.shutdown()
        thread.join()


def grey(folder: Path, number: int) -> list[Path]:
    """Write pictures of rising brightness: 000.png is black."""
    folder.mkdir()
    paths = [folder / f"{place:03d}.png" for place in range(number)]
    for place, path in enumerate(paths):
        Image.new("RGB", (40, 30), (int(255 * place / (number - 1)),) * 3).save(path)
    return paths


def names(page: Any) -> list[str]:
    found: list[str] = page.locator("#sheet strong").all_text_contents()
    return found


def test_two_hundred_images_are_scored_ordered_and_saved(
    tmp_path: Path, browser: Any, link: str
) -> None:
    paths = grey(tmp_path / "images", 200)
    (tmp_path / "images" / "script.svg").write_text("<svg><script>window.bad = 1</script></svg>")
    page = browser.new_context(accept_downloads=True).new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(link)
    page.get_by_role("columnheader", name="Licence").wait_for()
    page.get_by_label("Choose images").set_input_files(
        [*paths, tmp_path / "images" / "script.svg"]
    )  # fmt: skip
    page.get_by_text("All 201 images scored.").wait_for(timeout=60_000)
    in_order = [path.name for path in paths]
    assert names(page) == [*reversed(in_order), "script.svg"]  # what has no score comes last
    assert page.get_by_text("is not an image that can be read").count() == 2
    assert page.evaluate("window.bad") is None
    page.get_by_label("Score of").select_option("dark")
    assert names(page)[:2] == ["000.png", "001.png"]
    page.get_by_label("Order", exact=True).select_option("up")
    assert names(page)[:2] == ["199.png", "198.png"]
    page.get_by_label("Name contains").fill("19")
    assert names(page) == [f"{n:03d}.png" for n in (*range(199, 189, -1), 119, 19)]
    with page.expect_download() as waited:
        page.get_by_role("link", name="Table (CSV)").click()
    waited.value.save_as(tmp_path / "scores.csv")
    table = pd.read_csv(tmp_path / "scores.csv").pivot_table(
        index="file", columns="predictor", values="score"
    )
    assert len(table) == 200
    np.testing.assert_allclose(table.loc[in_order, "bright"], np.arange(200) / 199, atol=0.005)
    page.get_by_role("button", name="Remove all").click()
    page.get_by_text("All images are removed.").wait_for()
    assert names(page) == []
    assert faults == []


def test_images_are_dropped_and_chosen_by_keyboard(tmp_path: Path, browser: Any, link: str) -> None:
    grey(tmp_path / "images", 3)
    page = browser.new_context(
        color_scheme="dark", viewport={"width": 320, "height": 568}
    ).new_page()
    page.goto(link)
    page.get_by_role("columnheader", name="Licence").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "files"
    dropped = page.evaluate_handle(
        """async () => {
            const canvas = new OffscreenCanvas(20, 20);
            canvas.getContext("2d").fillRect(0, 0, 20, 20);
            const data = new DataTransfer();
            const blob = await canvas.convertToBlob();
            data.items.add(new File([blob], "dropped.png", { type: "image/png" }));
            return data;
        }"""
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    page.get_by_text("All 1 images scored.").wait_for()
    assert names(page) == ["dropped.png"]
    page.get_by_label("Choose a folder").set_input_files(tmp_path / "images")
    page.get_by_text("All 4 images scored.").wait_for()
    assert names(page)[0] == "images/002.png"
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_role("button", name="Map of images/002.png").press("Enter")
    page.get_by_text("Values of the map").press("Enter")
    page.get_by_role("columnheader", name="8", exact=True).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def with_bright_corner(path: Path) -> None:
    image = np.full((60, 80, 3), 40, dtype=np.uint8)
    image[:15, 60:] = 250
    Image.fromarray(image).save(path)


def test_maps_are_shown_by_keyboard_named_in_words_and_saved(
    tmp_path: Path, browser: Any, link: str
) -> None:
    # A browser shows no TIFF, so that its map is the only picture.
    for name in ("one.png", "two.tiff"):
        with_bright_corner(tmp_path / name)
    page = browser.new_context(accept_downloads=True).new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(link)
    page.get_by_role("columnheader", name="Licence").wait_for()
    page.get_by_label("Choose images").set_input_files(
        [tmp_path / "one.png", tmp_path / "two.tiff"]
    )  # fmt: skip
    page.get_by_text("All 2 images scored.").wait_for(timeout=30_000)
    methods = page.get_by_label("Maps by")
    assert methods.locator("option").all_text_contents() == [
        "occlusion", "sliding windows", "Integrated Gradients",
    ]  # fmt: skip
    assert page.get_by_role("link", name="Maps (ZIP)").count() == 0
    button = page.get_by_role("button", name="Map of one.png")
    assert button.get_attribute("aria-pressed") == "false"
    button.focus()
    page.keyboard.press("Enter")
    said = "Map by occlusion, bright. Highest: top right"
    shown = page.get_by_role("img", name=said)
    shown.wait_for()
    assert button.get_attribute("aria-pressed") == "true"
    assert said in page.get_by_role("status").text_content()
    assert page.evaluate("document.querySelector('#sheet img[alt^=Map]').naturalWidth") == 80
    page.get_by_text("Values of the map").click()
    cells = page.get_by_role("row", name="1", exact=False).nth(1).get_by_role("cell")
    values = [float(text) for text in cells.all_text_contents()]
    assert len(values) == 8
    assert int(np.argmax(values)) == 7
    page.keyboard.press("Escape")
    button.press("Space")
    assert page.get_by_role("img", name=said).count() == 0
    page.get_by_role("button", name="Map all that are shown").click()
    page.get_by_text("2 of 2 maps made.").wait_for()
    assert page.get_by_role("img", name=said).count() == 2
    page.get_by_label("Score of").select_option("dark")
    button.press("Space")
    button.press("Space")
    page.get_by_role("img", name="Map by occlusion, dark. Highest: ").wait_for()
    with page.expect_download() as waited:
        page.get_by_role("link", name="Maps (ZIP)").click()
    waited.value.save_as(tmp_path / "maps.zip")
    with zipfile.ZipFile(tmp_path / "maps.zip") as archive:
        table = pd.read_csv(archive.open("maps.csv"))
        assert len(archive.namelist()) == 4
    assert set(zip(table["file"], table["predictor"], strict=True)) == {
        ("one.png", "bright"), ("one.png", "dark"), ("two.tiff", "bright"),
    }  # fmt: skip
    page.get_by_role("button", name="Remove all").click()
    page.get_by_text("All images are removed.").wait_for()
    assert page.get_by_role("link", name="Maps (ZIP)").count() == 0
    assert faults == []
