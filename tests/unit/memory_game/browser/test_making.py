"""The folder of a game: its sequences against their design, its images, and what is refused."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from memorability.base.errors import InputError
from memorability.memory_game.browser.making import check_sequence, make_game, read_text
from memorability.memory_game.game import LAMEM, MEMCAT, Design, draw_sequence
from tests.browser_games import (
    SMALL,
    TEXTS,
    photographs,
    public_sequence,
    showings,
    small_game,
)


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def test_what_the_page_shows_keeps_to_the_design(tmp_path: Path) -> None:
    made = small_game(tmp_path)
    images = pd.read_csv(made.folder / "private" / "images.csv").set_index("shown")
    for sequence in range(1, 9):
        names = public_sequence(made.folder, sequence)["game"]
        assert len(names) == 2 * 10 + 6 + 2 * 4
        seen = {name: [i for i, other in enumerate(names) if other == name] for name in names}
        pools = Counter((images.loc[name, "pool"], len(at)) for name, at in seen.items())
        assert pools == {("target", 2): 10, ("other", 1): 6, ("other", 2): 4}
        for name, at in seen.items():
            if len(at) == 2:
                between = at[1] - at[0] - 1
                low, high = (3, 20) if images.loc[name, "pool"] == "target" else (0, 3)
                assert low <= between <= high
        practices = public_sequence(made.folder, sequence)["practice"]
        assert [len(practice) for practice in practices] == [6, 6]
        practised = {name for practice in practices for name in practice}
        assert len(practised) == 8
        assert not practised & set(names)


def test_the_laboratory_has_roles_and_delays_of_what_the_page_shows(tmp_path: Path) -> None:
    made = small_game(tmp_path)
    images = pd.read_csv(made.folder / "private" / "images.csv").set_index("image")
    table = showings(made.folder, 3)
    assert list(images["shown"].reindex(table["image"])) == public_sequence(made.folder, 3)["game"]
    for image, rows in table.groupby("image"):
        assert list(rows["repeat"]) == [False, True][: len(rows)]
        if len(rows) == 2:
            assert rows["delay"].iloc[1] == np.diff(rows["position"])[0] - 1
            assert rows["role"].unique().tolist() == ["target" if image >= 0 else "vigilance"]
        else:
            assert rows["role"].tolist() == ["filler"]


def test_targets_are_seen_equally_often_and_more_participants_change_none(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    few = small_game(tmp_path / "a", participants=5)
    assert (few.fewest, few.most, few.even) == (2, 3, 6)
    assert "2 to 3 participants. With 6" in few.in_words()
    many = small_game(tmp_path / "b", participants=6)
    assert (many.fewest, many.most) == (3, 3)
    assert "seen by 3 participants.\n" in many.in_words()
    for sequence in range(1, 6):
        assert public_sequence(few.folder, sequence) == public_sequence(many.folder, sequence)
    seen = Counter(
        name
        for sequence in range(1, 7)
        for name in set(public_sequence(many.folder, sequence)["game"])
        if name.startswith("t")
    )
    assert set(seen.values()) == {3}
    assert len(seen) == 20


def test_a_participant_sees_one_version_of_a_picture(tmp_path: Path) -> None:
    for picture in range(12):
        photographs(tmp_path / "targets" / f"{picture:02d}", 4, picture)
        for path in sorted((tmp_path / "targets" / f"{picture:02d}").glob("*/*")):
            path.rename(path.parents[1] / path.name)
    made = make_game(
        SMALL, TEXTS, targets=tmp_path / "targets", others=photographs(tmp_path / "o", 20, 99),
        participants=24, seed=0, output=tmp_path / "game", versions=True,
    )  # fmt: skip
    images = pd.read_csv(made.folder / "private" / "images.csv").set_index("image")["file"]
    for sequence in range(1, 25):
        table = showings(made.folder, sequence)
        seen = images[table.loc[table["role"] == "target", "image"].unique()]
        assert len(seen) == seen.str.split("/").str[0].nunique() == 10
    # 24 games of 10 targets, 48 images: each is seen five times, give or take one.
    assert (made.fewest, made.most) in {(5, 5), (4, 5), (4, 6), (5, 6)}
    assert "equally often" not in made.in_words()
    with pytest.raises(InputError, match="has 12 folders of versions, but a game has 13 targets"):
        make_game(
            replace(SMALL, design=Design(13, 2, 0, (3, 20), (0, 3))), TEXTS,
            targets=tmp_path / "targets", others=tmp_path / "o", participants=2, seed=0,
            output=tmp_path / "more", versions=True,
        )  # fmt: skip


def test_a_seed_makes_the_same_folder(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        make_game(
            SMALL, TEXTS, targets=photographs(tmp_path / "t", 12, 1),
            others=photographs(tmp_path / "o", 20, 2), participants=3, seed=int(name == "c"),
            output=tmp_path / name,
        )  # fmt: skip
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")


@pytest.mark.parametrize("design", [LAMEM, MEMCAT, Design(3, 0, 0, (0, 4), (0, 0))])
def test_drawn_sequences_pass_the_check_and_broken_ones_do_not(design: Design) -> None:
    sequence = draw_sequence(np.random.default_rng(1), design)
    check_sequence(sequence, design)
    with pytest.raises(RuntimeError, match="breaks its design"):
        check_sequence(np.roll(np.sort(sequence), 1), replace(design, target_delays=(5, 140)))


def test_images_reach_the_browser_without_place_and_time(tmp_path: Path) -> None:
    targets = photographs(tmp_path / "targets", 12, 1)
    exif = Image.Exif()
    exif[0x010E] = "at home"
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x0112] = 6
    Image.new("RGB", (30, 20), "red").save(targets / "gps.jpg", exif=exif)
    Image.effect_noise((900, 300), 50).convert("RGB").save(targets / "large.png")
    Image.new("RGB", (30, 20), "blue").save(targets / "other.bmp")
    made = make_game(
        SMALL, TEXTS, targets=targets, others=photographs(tmp_path / "others", 20, 2),
        participants=2, seed=0, output=tmp_path / "game",
    )  # fmt: skip
    images = pd.read_csv(made.folder / "private" / "images.csv").set_index("file")
    public = made.folder / "public" / "images"
    with Image.open(public / images.loc["gps.jpg", "shown"]) as image:
        assert image.size == (20, 30)  # upright
        assert not image.getexif()
        assert b"at home" not in (public / images.loc["gps.jpg", "shown"]).read_bytes()
    with Image.open(public / images.loc["large.png", "shown"]) as image:
        assert image.size == (256, 85)
    assert images.loc["large.png", "prepared"] == "256x85, PNG"
    with Image.open(public / images.loc["other.bmp", "shown"]) as image:
        assert image.format == "PNG"
    plain = images.loc["animal/000.png"]
    assert plain["prepared"] == "copied"
    assert (public / plain["shown"]).read_bytes() == (targets / "animal" / "000.png").read_bytes()
    assert (plain["category"], plain["subcategory"]) == ("animal", "animal")
    assert tuple(images.loc["gps.jpg", ["category", "subcategory"]]) == ("all", "all")


def test_nothing_of_the_laboratory_is_public(tmp_path: Path) -> None:
    made = small_game(tmp_path)
    public = made.folder / "public"
    text = (public / "game.json").read_text(encoding="utf-8")
    assert "exclusion" not in json.loads(text)
    everything = b"".join(path.read_bytes() for path in public.rglob("*.json"))
    assert b"vigilance" not in everything
    assert b"animal" not in everything


def make(place: Path, **changes: object) -> None:
    given = {
        "settings": SMALL, "targets": place / "targets", "others": place / "others",
        "participants": 2, "seed": 0, "output": place / "game",
    } | changes  # fmt: skip
    make_game(given.pop("settings"), TEXTS, **given)  # type: ignore[arg-type]


def test_mistakes_leave_no_folder(tmp_path: Path) -> None:
    targets = photographs(tmp_path / "targets", 10, 1)
    others = photographs(tmp_path / "others", 18, 2)
    with pytest.raises(InputError, match=r"--targets .* is no folder"):
        make(tmp_path, targets=tmp_path / "nowhere")
    with pytest.raises(InputError, match="others has 18 images, but a game has 20 fillers"):
        make(tmp_path, settings=replace(SMALL, design=Design(4, 8, 4, (3, 20), (0, 3))))
    with pytest.raises(InputError, match="has 10 images, but a game has 12 targets"):
        make(tmp_path, settings=replace(SMALL, design=Design(12, 2, 0, (3, 20), (0, 3))))
    with pytest.raises(InputError, match="no valid game was found"):
        make(tmp_path, settings=replace(SMALL, design=Design(3, 0, 0, (90, 95), (0, 3))))
    (targets / "bad.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"1 images cannot be shown.*bad\.jpg"):
        make(tmp_path)
    (targets / "bad.jpg").write_bytes((others / "animal" / "000.png").read_bytes())
    with pytest.raises(InputError, match="are the same picture"):
        make(tmp_path)
    (targets / "bad.jpg").unlink()
    photographs(tmp_path / "more", 1, 3)
    (tmp_path / "more/animal/000.png").rename(targets / "animal" / "000.jpg")
    with pytest.raises(InputError, match="differ in nothing but the ending"):
        make(tmp_path)
    (targets / "animal" / "000.jpg").unlink()
    assert not (tmp_path / "game").exists()
    make(tmp_path)
    with pytest.raises(InputError, match="exists"):
        make(tmp_path)


def test_texts_are_read_whole_or_refused(tmp_path: Path) -> None:
    assert read_text(None, "as usual") == "as usual"
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbf\nGr\xc3\xbc\xc3\x9fe\n")
    assert read_text(path, "") == "Grüße"
    for content in (b"  \n", b"\xff\xfe", b"x" * 100_001):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"text\.txt"):
            read_text(path, "")
