"""The explorer in a real browser, opened from disk: what it shows, keyboard, size, and no network."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from memorability.report.explorer.page import Explored, ExplorerSettings, write_explorer
from memorability.report.explorer.pictures import LARGEST_PAGE

pytestmark = pytest.mark.long

COUNT = 60
MANY = 10_000
HOSTILE = "<img src=x onerror='window.bad=1'></script><script>window.bad=1</script>.png"
SUBSET = Path(__file__).resolve().parents[3] / "shared" / "data" / "memcat_subset"
SETTINGS = ExplorerSettings(
    study="mine", target="score", loss="mse", losses={"mse": "MSE"}, note="A note.",
    without_photographs="", search="exact",
)  # fmt: skip


def per_image(count: int) -> pd.DataFrame:
    """Return rows whose score rises and whose error falls with their number."""
    rows = np.arange(count)
    table = pd.DataFrame(
        {
            "image_id": [f"id{row}" for row in rows],
            "file": [f"animal/photograph_{row:05d}.jpg" for row in rows],
            "category": np.array(["animal", "food", "sports"])[rows % 3],
            "subcategory": [f"kind {row % 20}" for row in rows],
            "score": rows / count,
            "split": np.where(rows % 10 < 6, "train", "test"),
            "predicted": np.sqrt(rows / count),
            "error_mse": 1 - rows / count,
        }
    )
    features = {f"feature_{place}": np.sin(rows * place) for place in range(20)}
    return pd.concat([table, pd.DataFrame(features)], axis=1)


class Repeated(Sequence[Any]):
    """Images (N, 3, H, W) that are there once and stand in many places, as a study's store would."""

    def __init__(self, images: np.ndarray, count: int) -> None:
        self.images, self.count = images, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows: Any) -> np.ndarray:
        if np.max(rows) >= self.count:
            raise IndexError(rows)
        return self.images[np.asarray(rows) % len(self.images)]


def pictures(side: int, detail: int) -> np.ndarray:
    """Return photographs with detail of so many pixels, or made-up ones: (100, 3, side, side)."""
    files = sorted(SUBSET.rglob("*.jpg"))[::3][:100]
    if not files:
        coarse = np.random.default_rng(0).integers(0, 256, (100, side // 8, side // 8, 3), np.uint8)
        opened = [Image.fromarray(image) for image in coarse]
    else:
        opened = [Image.open(file) for file in files]
    shown = []
    for image in opened:
        with image:
            seen = image.convert("RGB").resize((detail, detail)).resize((side, side))
            shown.append(np.asarray(seen).transpose(2, 0, 1))
    return np.stack(shown)


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of 60 images, whose latents lie on a line; image 7 has a hostile name."""
    table = per_image(COUNT)
    table.loc[7, "file"] = HOSTILE
    table.loc[9, "error_mse"] = np.nan
    ids = table["image_id"].tolist()
    pixels = np.zeros((COUNT, 3, 224, 224), np.uint8)
    pixels += (4 * np.arange(COUNT, dtype=np.uint8))[:, None, None, None]
    attributions = pd.DataFrame(
        {"image_id": ["id5", "id6"], "converged": [True, False], "row": [0, 1]}
    )
    maps = np.ones((2, 3, 224, 224), np.float16)
    latents = np.arange(COUNT, dtype=np.float32)[:, None] * np.ones((1, 4), np.float32)
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    explored = Explored(
        seen=(ids, pixels, pixels // 2), latents=(ids, latents), mapped=(attributions, maps)
    )
    write_explorer(path, table, SETTINGS, explored=explored)
    return path.as_uri()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """Open a page from disk; at the end nothing has failed and nothing else was asked for."""
    contexts, faults, asked = [], [], []

    def open_page(link: str, **choices: Any) -> Any:
        contexts.append(browser.new_context(**choices))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(link)
        page.locator("#count").filter(has_text="images").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
    assert {url for url in asked if not url.startswith("data:")} <= set(asked[:1])


def names(page: Any) -> list[str]:
    """Return the names in sight, from the top."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("#height .row")]
            .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
            .map((row) => row.querySelector("[title]:not([title=''])").textContent)"""
    )
    return found


def name(row: int) -> str:
    return f"animal/photograph_{row:05d}.jpg"


def chosen(page: Any) -> str:
    found: str = page.locator("#name").text_content()
    return found


def test_images_are_filtered_and_sorted(link: str, open_page: Any) -> None:
    page = open_page(link)
    count = page.locator("#count")
    assert count.text_content() == "All 60 images."
    assert page.locator("#note").text_content() == "A note."
    page.get_by_label("Category").first.select_option("food")
    assert count.text_content() == "20 of 60 images."
    page.get_by_label("Part of the split").select_option("test")
    expected = [row for row in range(COUNT) if row % 3 == 1 and row % 10 >= 6 and row != 7]
    assert count.text_content() == f"{len(expected) + 1} of 60 images."
    page.get_by_role("button", name="Memorability", exact=True).click()
    assert page.locator("#head [aria-sort=ascending]").all_text_contents() == ["Memorability"]
    assert names(page) == [HOSTILE, *map(name, expected)]
    page.get_by_role("button", name="Memorability", exact=True).click()
    assert names(page) == [*map(name, reversed(expected)), HOSTILE]
    page.get_by_role("button", name="Show all images").click()
    page.get_by_text("All 60 images.").wait_for()
    # Limits of numbers; an image without the number lies within none.
    page.get_by_label("Number 2 from").fill("0.8")
    assert count.text_content() == "12 of 60 images."
    page.get_by_label("Number 1 to").fill("0.1")
    assert count.text_content() == "7 of 60 images."
    page.get_by_role("button", name="Show all images").click()
    page.get_by_text("All 60 images.").wait_for()
    page.get_by_role("button", name="Error: MSE").click()
    assert names(page)[:2] == [name(59), name(58)]
    page.get_by_label("Name contains").fill("_0001")
    assert names(page) == [name(row) for row in range(19, 9, -1)]
    page.get_by_label("Name contains").fill("onerror")
    assert names(page) == [HOSTILE]
    page.get_by_role("row", name="onerror").click()
    assert chosen(page) == HOSTILE
    assert page.evaluate("window.bad") is None
    page.get_by_label("Name contains").fill("no such name")
    assert (count.text_content(), names(page)) == ("0 of 60 images.", [])


def test_a_chosen_image_shows_its_pictures_numbers_and_neighbours(
    link: str, open_page: Any
) -> None:
    page = open_page(link)
    page.get_by_role("row", name=name(5)).click()
    assert chosen(page) == name(5)
    shown = page.locator("#pictures img")
    assert shown.count() == 3
    colours = shown.evaluate_all(
        """async (images) => {
            const found = [];
            for (const image of images) {
                await image.decode();
                const canvas = new OffscreenCanvas(1, 1), context = canvas.getContext("2d");
                context.drawImage(image, 0, 0, 1, 1);
                found.push([...context.getImageData(0, 0, 1, 1).data]);
            }
            return found;
        }"""
    )
    assert [colour[0] for colour in colours[:2]] == pytest.approx([20, 10], abs=3)
    numbers = page.get_by_role("row", name="Memorability", exact=False).filter(
        has_text="higher than"
    )
    assert numbers.first.get_by_role("cell").all_text_contents() == [
        "0.0833",
        "",
        "higher than 8 %",
    ]
    assert "id" not in page.locator("#labelled").text_content()
    assert page.locator("#image").get_by_text("has not converged").count() == 0
    neighbours = page.locator("#neighbours button")
    assert sorted(neighbours.locator("span:first-of-type").all_text_contents()) == sorted(
        HOSTILE if row == 7 else name(row) for row in (1, 2, 3, 4, 6, 7, 8, 9)
    )
    assert {"distance 2", "distance 4", "distance 6", "distance 8"} == set(
        neighbours.locator("small").all_text_contents()
    )
    neighbours.filter(has_text=name(6)).click()
    assert chosen(page) == name(6)
    assert page.locator("#image").get_by_text("has not converged").is_visible()
    assert page.evaluate("document.activeElement.closest('#neighbours') !== null")
    assert name(6) in page.locator("#scatter").get_attribute("aria-label")
    # A neighbour that the filters leave out is shown all the same.
    page.get_by_label("Name contains").fill(name(6))
    page.locator("#neighbours button").filter(has_text=name(8)).click()
    assert chosen(page) == name(8)
    assert page.get_by_text("The filters leave this image out.").is_visible()
    page.get_by_label("Name contains").fill("")
    page.get_by_role("row", name=name(9)).click()
    assert "has no place in it" in page.locator("#scatter").get_attribute("aria-label")


def test_a_click_on_a_point_of_the_plot_chooses_its_image(link: str, open_page: Any) -> None:
    page = open_page(link)
    assert chosen(page) != name(59)
    box = page.locator("#scatter").bounding_box()
    # The largest score and the smallest error: 4 % of the range from the corner on the lower right.
    wide, high = box["width"] - 64 - 10, box["height"] - 42 - 22
    page.mouse.click(
        box["x"] + 64 + wide * (1 - 0.04 / 1.08), box["y"] + 22 + high * (1 - 0.04 / 1.08)
    )
    assert chosen(page) == name(59)
    page.get_by_label("Number 2, up the plot").select_option("Predicted memorability")
    assert (
        page.locator("#scatter")
        .get_attribute("aria-label")
        .startswith("Predicted memorability, upwards, by Memorability: 60 images.")
    )


def test_everything_is_reached_by_keyboard(link: str, open_page: Any) -> None:
    page = open_page(link)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('role') === 'row'"):
            break
    first = chosen(page)
    page.keyboard.press("ArrowDown")
    second = chosen(page)
    assert second != first
    page.keyboard.press("ArrowUp")
    assert chosen(page) == first
    page.keyboard.press("End")
    assert chosen(page) == name(59)
    assert page.evaluate("document.activeElement.textContent").startswith(name(59))
    page.keyboard.press("PageUp")
    assert name(40) < chosen(page) < name(59)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#neighbours') !== null")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('#neighbours') !== null")
    selected = page.locator("#grid [aria-selected=true]")
    assert selected.count() == 1
    assert chosen(page) in selected.text_content()


def test_dark_and_narrow_screens(link: str, open_page: Any) -> None:
    page = open_page(link, color_scheme="dark", viewport={"width": 320, "height": 568})
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(27, 28, 30)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    corner = "document.getElementById('scatter').getContext('2d').getImageData(1, 1, 1, 1).data[3]"
    assert page.evaluate(corner) == 0, "the plot has the colour of the page"
    page.get_by_role("row", name=name(2)).click()
    assert page.locator("#image").evaluate("(part) => part.getBoundingClientRect().top") < 400


def test_a_study_of_tables_alone_has_a_page(tmp_path: Path, open_page: Any) -> None:
    table = per_image(3)[["image_id", "file", "score"]]
    settings = ExplorerSettings(
        **vars(SETTINGS) | {"without_photographs": "The study has no prepared images."}
    )
    write_explorer(tmp_path / "explorer.html", table, settings, explored=Explored())
    page = open_page((tmp_path / "explorer.html").as_uri())
    assert names(page) == [name(row) for row in range(3)]
    assert page.locator("#pictures").get_by_text("The study has no prepared images.").is_visible()
    assert page.locator("#neighbours").count() == 0


def test_ten_thousand_images_fit_into_25_mb_and_scroll(
    tmp_path: Path, open_page: Any, caplog: pytest.LogCaptureFixture
) -> None:
    table = per_image(MANY)
    ids, explained = table["image_id"].tolist(), 3177
    attributions = pd.DataFrame({"image_id": ids[:explained], "converged": True, "row": 0})
    attributions["row"] = np.arange(explained) % 20
    photographs = pictures(224, 224)
    made = pictures(96, 32)  # a model keeps coarse structure
    latents = np.random.default_rng(0).normal(size=(MANY, 8)).astype(np.float32)
    maps = np.random.default_rng(0).normal(size=(20, 3, 224, 224)).astype(np.float16)
    path = tmp_path / "explorer.html"
    explored = Explored(
        seen=(ids, Repeated(photographs, MANY), Repeated(made, MANY)),  # type: ignore[arg-type]
        latents=(ids, latents),
        mapped=(attributions, maps),
    )
    caplog.set_level("INFO")
    write_explorer(path, table, SETTINGS, explored=explored)
    found = re.search(r"96 pixels a side and the WebP quality (\d+)", caplog.text)
    assert found is not None
    assert int(found[1]) >= 20
    size = path.stat().st_size
    assert 0.8 * LARGEST_PAGE < size <= LARGEST_PAGE
    page = open_page(path.as_uri())
    assert page.locator("#count").text_content() == "All 10,000 images."
    for place in (0.25, 0.5, 0.75):
        page.locator("#scroll").evaluate(
            "(box, to) => { box.scrollTop = box.scrollHeight * to; }", place
        )
        page.get_by_role("row", name=name(int(MANY * place) + 5)).wait_for()
        assert page.locator("#height .row").count() < 50, "rows that are out of sight are not there"
    page.locator("#height .row[tabindex='0']").focus()
    page.keyboard.press("End")
    assert chosen(page) == name(MANY - 1)
    seconds = page.evaluate(
        """() => {
            const text = document.getElementById("text"), start = performance.now();
            text.value = "9";
            text.dispatchEvent(new Event("input", { bubbles: true }));
            return (performance.now() - start) / 1000;
        }"""
    )
    assert seconds < 2
