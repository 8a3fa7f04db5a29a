"""Stand-ins for public archives: exact in form, small in size, of real photographs."""

import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import skimage.data
from PIL import Image

MEMCAT_SUBCATEGORIES = {
    "animal": ("bear", "cat"),
    "food": ("hamburger", "pizza"),
    "landscape": ("beach", "mountain"),
    "sports": ("tennis", "badminton"),
    "vehicle": ("subway train", "SUV"),
}


@cache
def photograph(number: int) -> bytes:
    """Return a JPEG file: a crop of a real photograph, another one for each number."""
    source = (skimage.data.chelsea, skimage.data.coffee, skimage.data.astronaut)[number % 3]()
    stream = np.random.default_rng(number)
    top, left = stream.integers(0, source.shape[0] - 170), stream.integers(0, 200)
    buffer = io.BytesIO()
    crop = source[top : top + 165, left : left + stream.integers(165, 240)]
    Image.fromarray(crop).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def memcat_rows(images_per_subcategory: int = 2) -> pd.DataFrame:
    """Return rows of MemCat's score table, in its own columns, of counts that fit its scores."""
    stream = np.random.default_rng(5)
    rows = []
    for category, subcategories in MEMCAT_SUBCATEGORIES.items():
        for subcategory in subcategories:
            for _ in range(images_per_subcategory):
                n = int(stream.integers(67, 143))
                hits, false_alarms = int(stream.integers(n // 2, n)), int(stream.integers(0, 20))
                rows.append(
                    {
                        "image_file": f"{len(rows) + 3481:012d}.jpg",
                        "category": category,
                        "subcategory": subcategory,
                        "current_height": 368.67363029,
                        "current_width": 500,
                        "source": "coco",
                        "searched_label": subcategory,
                        "resize_factor": 1,
                        "H": hits,
                        "FA": false_alarms,
                        "n_resp": n,
                        "memorability_wo_fa_correction": hits / n,
                        "memorability_w_fa_correction": (hits - false_alarms) / n,
                    }
                )
    return pd.DataFrame(rows)


def write_memcat_table(path: Path, rows: pd.DataFrame) -> Path:
    """Write `rows` as R wrote MemCat's table: row names in front, texts quoted, 15 digits."""
    text = rows.set_axis([str(number + 1) for number in range(len(rows))])
    text.to_csv(path, quoting=2, float_format="%.15g", lineterminator="\n")
    return path


def memcat_files(rows: pd.DataFrame, layout: str = "subcategories") -> dict[str, bytes]:
    """Return the files of MemCat's archive by path.

    `layout` is "subcategories" (MemCat_images/MemCat/<category>/<subcategory>/<file>) or
    "categories" (memcat/<category>/<file>, with memcat/fillers beside them).
    """
    files = {}
    for number, row in enumerate(rows.itertuples()):
        if layout == "subcategories":
            path = f"MemCat_images/MemCat/{row.category}/{row.subcategory}/{row.image_file}"
        else:
            path = f"memcat/{row.category}/{row.image_file}"
        files[path] = photograph(number)
    if layout == "categories":
        files["memcat/fillers/filler_1.jpg"] = photograph(900)
    return files


def lamem_files(
    images: int = 20, scores: Mapping[tuple[int, str, int], float] | None = None
) -> dict[str, bytes]:
    """Return the files of LaMem's archive by path.

    Five splits list every image once, with a score of its own in each, as the published ones do;
    `scores` replaces some, by split, part and image number.
    """
    files = {
        f"lamem/images/{number:08d}.jpg": photograph(number) for number in range(1, images + 1)
    }
    for split in range(1, 6):
        stream = np.random.default_rng(split)
        order = (stream.permutation(images) + 1).tolist()
        ends = (round(images * 0.77), round(images * 0.83))
        for part, numbers in (
            ("train", order[: ends[0]]),
            ("val", order[ends[0] : ends[1]]),
            ("test", order[ends[1] :]),
        ):
            lines = []
            for number in numbers:
                responses = int(stream.integers(30, 56))
                score = int(stream.integers(responses // 3, responses + 1)) / responses
                score = (scores or {}).get((split, part, number), score)
                lines.append(f"{number:08d}.jpg {score:.6f}\n")
            files[f"lamem/splits/{part}_{split}.txt"] = "".join(lines).encode()
    return files


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a zip file of `files`, by path, whatever the name of `path`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: Mapping[str, bytes], compression: str = "gz") -> Path:
    """Write a tar file of `files`, by path, with an entry for each folder as tar makes them."""
    folders: Sequence[str] = sorted(
        {str(parent) for name in files for parent in Path(name).parents if parent != Path()}
    )
    with tarfile.open(path, f"w:{compression}") as archive:
        for folder in folders:
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(info)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path
