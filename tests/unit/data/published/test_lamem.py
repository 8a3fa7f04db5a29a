"""LaMem's archive and its five published splits, in a stand-in of the same form."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.base.errors import InputError
from memorability.data.published.lamem import PARTS, read_splits, unpack
from memorability.data.scores import read_scores
from memorability.images.store import Preparation, prepare
from memorability.tables import store
from tests.standins import lamem_files, photograph, write_tar, write_zip

ROOT = Path(__file__).parents[4]
FILES = lamem_files()
TRAIN = "lamem/splits/train_1.txt"


def run(
    directory: Path, files: dict[str, bytes] = FILES, write: Any = write_tar
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return unpack(write(directory / "lamem", files), directory / "images")


def refusal(directory: Path, files: dict[str, bytes]) -> str:
    """Return why LaMem is refused; nothing is left, and a rerun with the right files succeeds."""
    with pytest.raises(InputError) as caught:
        run(directory, files)
    assert [path.name for path in directory.iterdir()] == ["lamem"]
    assert len(run(directory)[0]) == 20
    return str(caught.value)


def listed(files: dict[str, bytes], split: int) -> dict[str, tuple[str, float]]:
    """Return part and score of every image of a split, read without the code that is tested."""
    result = {}
    for word in ("train", "val", "test"):
        for line in files[f"lamem/splits/{word}_{split}.txt"].decode().split("\n")[:-1]:
            name, score = line.split(" ")
            result[name.removesuffix(".jpg")] = (PARTS[word], float(score))
    return result


@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_images_splits_and_scores_are_those_of_the_archive(tmp_path: Path, write: Any) -> None:
    scores, splits, differences = run(tmp_path, write=write)
    assert differences.empty
    images = {path.name: path.read_bytes() for path in (tmp_path / "images").iterdir()}
    assert images == {
        path.rsplit("/", 1)[-1]: content for path, content in FILES.items() if "/images/" in path
    }
    assert {path.name for path in tmp_path.iterdir()} == {"lamem", "images"}
    parts = [listed(FILES, split) for split in range(1, 6)]
    for number, expected in enumerate(parts, start=1):
        rows = splits[splits["official_split"] == number].set_index("image_id")
        assert rows["split"].to_dict() == {key: part for key, (part, _) in expected.items()}
        assert rows["score"].to_dict() == {key: score for key, (_, score) in expected.items()}
    means = {key: np.mean([part[key][1] for part in parts]) for key in parts[0]}
    assert scores.set_index("image_id")["score"].to_dict() == pytest.approx(means, abs=1e-15)
    assert set(scores["file"]) == set(images)
    assert set(scores["category"]) == {"all"}


def test_what_is_written_is_read_and_prepared_like_any_other_table(tmp_path: Path) -> None:
    scores, splits, differences = run(tmp_path)
    store.write(scores, tmp_path / "scores.parquet", "scores")
    store.write(splits, tmp_path / "splits.parquet", "official_splits")
    store.write(differences, tmp_path / "differences.parquet", "differences")
    assert len(store.read(tmp_path / "splits.parquet", "official_splits")) == 100
    columns = {name: name for name in ("image_id", "file", "score")}
    images, rejected = prepare(
        read_scores(tmp_path / "scores.parquet", columns),
        tmp_path / "images",
        tmp_path / "pixels.npy",
        Preparation(resize="center_crop", minimum_side=161, on_bad_image="stop", seed=0),
    )
    assert rejected.empty
    assert images["image_id"].tolist() == [f"{number:08d}" for number in range(1, 21)]
    assert images["responses"].isna().all()
    store.write(images, tmp_path / "images.parquet", "images")


def test_an_image_may_have_another_score_in_every_split(tmp_path: Path) -> None:
    # Each part of each split is scored by observers of its own, in the published files too.
    given = {
        (split, part, 1): split / 10 for split in range(1, 6) for part in ("train", "val", "test")
    }
    scores, splits, _ = run(tmp_path, lamem_files(scores=given))
    assert scores.set_index("image_id")["score"]["00000001"] == pytest.approx(0.3)
    rows = splits[splits["image_id"] == "00000001"].set_index("official_split")["score"]
    assert rows.to_dict() == {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4, 5: 0.5}


@pytest.mark.parametrize("prefix", ["", "data/lamem/"])
def test_the_folders_may_lie_anywhere_among_other_files(tmp_path: Path, prefix: str) -> None:
    files = {path.replace("lamem/", prefix): content for path, content in FILES.items()}
    junk = {
        f"{prefix}README.txt": b"text",
        f"{prefix}splits/train_6.txt": b"no split of ours",
        f"{prefix}splits/full.txt": b"no split of ours",
        f"{prefix}images/.DS_Store": b"junk",
        f"__MACOSX/{prefix}images/._00000001.jpg": b"fork",
    }
    scores, _, differences = run(tmp_path, files | junk)
    assert len(scores) == 20
    assert differences.empty


def test_windows_line_ends_and_byte_order_marks_change_nothing(tmp_path: Path) -> None:
    changed = {
        path: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")
        if path.endswith(".txt")
        else content
        for path, content in FILES.items()
    }
    plain, marked = tmp_path / "plain", tmp_path / "marked"
    plain.mkdir()
    marked.mkdir()
    for one, other in zip(run(plain), run(marked, changed), strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_images_and_lists_that_differ_are_told(tmp_path: Path) -> None:
    files = FILES | {"lamem/images/00000999.JPG": photograph(999)}
    del files["lamem/images/00000007.jpg"]
    scores, _, differences = run(tmp_path, files)
    assert differences.to_numpy().tolist() == [
        ["00000007.jpg", "is in the score table, but no such file"],
        ["00000999.JPG", "is not in the score table"],
    ]
    assert len(scores) == 20


# What is refused


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b"00000001.jpg", 3),
        (b"00000001.jpg 1.1", 3),
        (b"00000001.jpg -0.1", 3),
        (b"00000001.jpg 0,675", 3),
        (b"00000001.jpg nan", 3),
        (b"0.675 00000001.jpg", 3),
        (b"00000001 0.675000", 3),
        (b"00000001.jpg 0.675 12", 3),
        (b"\n<html>", 4),
    ],
)
def test_a_line_that_is_no_image_and_score_is_refused(
    tmp_path: Path, line: bytes, number: int
) -> None:
    lines = FILES[TRAIN].split(b"\n")
    files = FILES | {TRAIN: b"\n".join([*lines[:2], line, *lines[2:]])}
    message = refusal(tmp_path, files)
    assert f"train_1.txt, line {number}" in message
    assert line.strip().decode() in message


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_an_image_twice_in_a_split_is_refused_with_both_lines(tmp_path: Path, part: str) -> None:
    first = FILES[TRAIN].split(b"\n")[0]
    path = f"lamem/splits/{part}_1.txt"
    files = FILES | {path: FILES[path] + first + b"\n"}
    message = refusal(tmp_path, files)
    last = len(files[path].splitlines())
    assert f"split 1 lists {first.split()[0].decode()} twice" in message
    assert f"train_1.txt, line 1, and {part}_1.txt, line {last}" in message


def test_a_missing_or_empty_list_is_refused(tmp_path: Path) -> None:
    path = "lamem/splits/val_4.txt"
    files = {name: content for name, content in FILES.items() if name != path}
    one, other = tmp_path / "missing", tmp_path / "empty"
    one.mkdir()
    other.mkdir()
    assert "no splits/val_4.txt" in refusal(one, files)
    assert "splits/val_4.txt lists no images" in refusal(other, files | {path: b"\n"})


def test_a_list_that_is_no_text_is_refused(tmp_path: Path) -> None:
    assert "train_1.txt" in refusal(tmp_path, FILES | {TRAIN: photograph(1)})


def test_an_archive_without_images_is_refused(tmp_path: Path) -> None:
    files = {path: content for path, content in FILES.items() if "/splits/" in path}
    assert "no folder `images`" in refusal(tmp_path, files)


def test_half_of_the_images_may_be_missing_but_not_more(tmp_path: Path) -> None:
    half = {
        path: x for path, x in FILES.items() if path <= "lamem/images/00000010.jpg" or "txt" in path
    }
    assert len(run(tmp_path, half)[2]) == 10
    shutil.rmtree(tmp_path / "images")
    del half["lamem/images/00000001.jpg"]
    message = refusal(tmp_path, half)
    assert "has no file of its own for 11 of them: 11 name no file that there is, for" in message


def test_a_truncated_archive_leaves_nothing(tmp_path: Path) -> None:
    whole = write_tar(tmp_path / "whole", FILES).read_bytes()
    (tmp_path / "whole").unlink()
    (tmp_path / "lamem").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(InputError, match="damaged or truncated"):
        unpack(tmp_path / "lamem", tmp_path / "images")
    assert [path.name for path in tmp_path.iterdir()] == ["lamem"]


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    for left in (".images.whole/images", "..images.whole.partial/splits", "images"):
        (tmp_path / left).mkdir(parents=True)
        (tmp_path / left / "00000999.jpg").write_bytes(b"half")
    assert run(tmp_path)[2].empty
    assert {path.name for path in tmp_path.iterdir()} == {"lamem", "images"}
    assert len(list((tmp_path / "images").iterdir())) == 20


def test_splits_are_read_in_the_order_of_their_files(tmp_path: Path) -> None:
    for path, content in FILES.items():
        if path.endswith(".txt"):
            (tmp_path / path.rsplit("/", 1)[-1]).write_bytes(content)
    splits = read_splits(tmp_path)
    assert list(splits["official_split"]) == sorted(splits["official_split"])
    first = FILES[TRAIN].split(b" ")[0].decode().removesuffix(".jpg")
    assert splits["image_id"][0] == first


# Memory

# The peak of the resources module is that of the parent process where that was larger.
PEAK = """
import re, sys
from pathlib import Path
from memorability.data.published.lamem import unpack

def kilobytes(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

before = kilobytes("VmHWM")
scores, _, _ = unpack(Path(sys.argv[1]), Path(sys.argv[2]))
print(len(scores), kilobytes("VmHWM") - before)
"""


def peak_growth(directory: Path, images: int, size: int) -> int:
    """Return by how many bytes the peak memory grows while LaMem of so many images is unpacked."""
    archive = directory / f"lamem_{images}"
    content = photograph(0)
    lists = {path: x for path, x in lamem_lists(images).items() if path.endswith(".txt")}
    with tarfile.open(archive, "w") as file:
        for path, text in lists.items():
            info = tarfile.TarInfo(path)
            info.size = len(text)
            (directory / "text").write_bytes(text)
            with (directory / "text").open("rb") as stream:
                file.addfile(info, stream)
        (directory / "image").write_bytes(content + os.urandom(size - len(content)))
        for number in range(1, images + 1):
            info = tarfile.TarInfo(f"lamem/images/{number:08d}.jpg")
            info.size = size
            with (directory / "image").open("rb") as stream:
                file.addfile(info, stream)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, archive, directory / f"images_{images}"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    unpacked, kilobytes = map(int, done.stdout.split())
    assert unpacked == images
    return kilobytes * 1024


def lamem_lists(images: int) -> dict[str, bytes]:
    """Return lists like LaMem's without the images that `lamem_files` would make for them."""
    lists = {}
    for split in range(1, 6):
        order = (np.random.default_rng(split).permutation(images) + 1).tolist()
        for part, numbers in (
            ("train", order[: images * 3 // 4]),
            ("val", order[images * 3 // 4 : images * 4 // 5]),
            ("test", order[images * 4 // 5 :]),
        ):
            lines = [f"{number:08d}.jpg 0.675000\n" for number in numbers]
            lists[f"lamem/splits/{part}_{split}.txt"] = "".join(lines).encode()
    return lists


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read as on Linux")
def test_images_are_never_held_in_memory(tmp_path: Path) -> None:
    few = peak_growth(tmp_path, images=500, size=20_000)
    many = peak_growth(tmp_path, images=5000, size=20_000)
    large = peak_growth(tmp_path, images=501, size=180_000)
    print(f"peak memory grows by {few} bytes (500 images), {many} (5000), {large} (large ones)")
    # 80 and 90 MB more of images; the paths and 22,500 more lines of lists are what may grow.
    assert 0 < few < 20e6
    assert many - few < 20e6
    assert abs(large - few) < 10e6


REAL_SCORES = ROOT.parent / "shared" / "reference" / "lamem_scores.txt"


@pytest.mark.real_data
@pytest.mark.skipif(
    not REAL_SCORES.is_file(), reason=f"the real scores {REAL_SCORES} are not there"
)
def test_the_real_scores_come_out_as_they_are_known(tmp_path: Path) -> None:
    scores = REAL_SCORES.read_text(encoding="utf-8").split()
    lines = [f"{number:08d}.jpg {score}\n" for number, score in enumerate(scores, 1)]
    parts = {"train": lines[:45_000], "val": lines[45_000:49_000], "test": lines[49_000:]}
    for number in range(1, 6):
        for word, own in parts.items():
            (tmp_path / f"{word}_{number}.txt").write_text("".join(own), encoding="utf-8")
    splits = read_splits(tmp_path)
    first = splits[splits["official_split"] == 1]
    assert len(first) == 58_741
    assert first["score"].mean() == pytest.approx(0.7521, abs=5e-5)
    assert first["score"].std() == pytest.approx(0.1317, abs=5e-5)
    assert (first["score"].min(), first["score"].max()) == (0, 0.981)
    # Of an image whose score is public elsewhere.
    assert first.set_index("image_id")["score"]["00051110"] == 0.675
