"""Tables: schemas, order, atomic writing, and reading back."""

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pandera.errors
import pyarrow as arrow
import pytest
from pyarrow import dataset, parquet

from memorability.base.arrays import open_sealed
from memorability.base.errors import InputError
from memorability.base.files import atomic
from memorability.tables import store
from memorability.tables.latents import LatentFile, map_latents, read_latents, write_latents
from tests.tables import read_record, rows

NAN = float("nan")
RECORD = {"study": "sample", "configuration": "c0ffee", "code": "c0de"}


def mixed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with rows and columns turned around and an index that means nothing."""
    turned = table.iloc[::-1, ::-1]
    return turned.set_axis(np.arange(len(turned)) * 7 % 5)


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@pytest.mark.parametrize("name", store.SCHEMAS)
def test_a_table_is_read_back_sorted_and_unrounded_whatever_order_it_was_written_in(
    name: str, tmp_path: Path
) -> None:
    table = rows(name)
    assert not table.duplicated([*store.SCHEMAS[name][0]]).any()
    store.write(table, tmp_path / "one", name, RECORD)
    store.write(mixed(table), tmp_path / "other", name, dict(reversed(RECORD.items())))
    pd.testing.assert_frame_equal(store.read(tmp_path / "other", name), table, check_exact=True)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_the_smallest_numbers_are_read_back(tmp_path: Path) -> None:
    table = rows("errors").assign(error=[5e-324, -0.0, 1 / 3])
    store.write(table, tmp_path / "part.parquet", "errors")
    again = store.read(tmp_path / "part.parquet", "errors")["error"]
    assert again.to_numpy().tobytes() == table["error"].to_numpy().tobytes()


def test_two_tables_of_one_name_are_refused() -> None:
    errors = {"errors": store.SCHEMAS["errors"]}
    with pytest.raises(ValueError, match="Two tables are named 'errors'"):
        store.merged(errors, {"history": store.SCHEMAS["history"]}, errors)


def test_a_table_without_rows_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "rejected.parquet"
    store.write(rows("rejected").iloc[:0], path, "rejected")
    table = store.read(path, "rejected")
    assert (list(table.columns), len(table)) == (["file", "reason"], 0)


def test_writing_leaves_the_callers_table_as_it_was(tmp_path: Path) -> None:
    table = mixed(rows("images"))
    before = table.copy(deep=True)
    store.write(table, tmp_path / "images.parquet", "images")
    pd.testing.assert_frame_equal(table, before)


def test_directories_above_a_table_are_made(tmp_path: Path) -> None:
    path = tmp_path / "errors" / "loss=mse" / "part.parquet"
    store.write(rows("errors"), path, "errors")
    assert files(path.parent) == {"part.parquet"}


# What does not fit


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("images", "score", 1.01),
        ("images", "score", -1.01),
        ("images", "score", NAN),
        ("images", "position", 0),  # three times the same
        ("images", "file", "same.jpg"),
        ("images", "category", None),
        ("images", "hits", -1),
        ("errors", "epoch", 0),
        ("history", "step", 0),
        ("outcomes", "outcome", "lost"),
        ("correlations", "r", 1.5),
        ("correlations", "p", -0.1),
        ("predictions", "split", "holdout"),
        ("claims", "verdict", "almost"),
        ("claims", "data", "mine"),
        ("claims", "margin", 0.0),
        ("external", "joined", -1),
        ("distinctiveness", "value", -1.0),
        ("trials", "response", 1),
        ("trials", "role", "target repeat"),
    ],
)
def test_a_value_outside_the_schema_is_refused_and_nothing_is_written(
    name: str, column: str, value: object, tmp_path: Path
) -> None:
    table = rows(name).assign(**{column: value})
    if column == "hits":
        table = table.astype({"hits": "Int64"})
    with pytest.raises(pandera.errors.SchemaError, match=column):
        store.write(table, tmp_path / "part.parquet", name)
    assert files(tmp_path) == set()


def test_a_missing_column_is_refused_by_its_name_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(pandera.errors.SchemaError, match="reason"):
        store.write(rows("rejected")[["file"]], tmp_path / "part.parquet", "rejected")
    assert files(tmp_path) == set()


@pytest.mark.parametrize(
    ("name", "key"), [("selection_seeds", "loss"), ("correlations", "quantity"), ("matrix", "lr")]
)
def test_a_column_named_like_a_key_of_the_path_is_refused_and_nothing_is_written(
    name: str, key: str, tmp_path: Path
) -> None:
    path = tmp_path / "protocol_of=mine" / f"{key}=mse" / "part.parquet"
    with pytest.raises(ValueError, match=f"column '{key}'.*{key}=mse.*leave the key out"):
        store.write(rows(name), path, name)
    assert files(tmp_path) == set()


@pytest.mark.parametrize("rates", [("5e-6", "5e-5"), ("0.001", "1e-4"), ("1", "10"), ("1", "0.1")])
def test_no_reader_of_a_folder_merges_two_learning_rates(
    rates: tuple[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "errors"
    for rate in rates:
        store.write(rows("errors"), folder / f"lr={rate}" / "part.parquet", "errors")
    text = dataset.partitioning(arrow.schema([("lr", arrow.string())]), flavor="hive")
    files = f"read_parquet('{folder}/**/*.parquet', hive_partitioning=true"
    plain = [
        pd.read_parquet(folder),
        dataset.dataset(folder, partitioning="hive").to_table().to_pandas(),
        duckdb.sql(f"SELECT * FROM {files})").df(),
    ]
    as_text = [
        pd.read_parquet(folder, partitioning=text),
        dataset.dataset(folder, partitioning=text).to_table().to_pandas(),
        duckdb.sql(f"SELECT * FROM {files}, hive_types_autocast=false)").df(),
    ]
    for opened in plain:
        assert list(opened["lr"].value_counts()) == [len(rows("errors"))] * 2
        assert {float(rate) for rate in opened["lr"]} == {float(rate) for rate in rates}
    for opened in as_text:
        assert set(opened["lr"]) == set(rates)


def test_only_directories_are_keys() -> None:
    path = Path("results/mine/errors/protocol=paper/lr=5e-6/a=b.parquet")
    assert store.partition_keys(path) == {"protocol": "paper", "lr": "5e-6"}
    assert store.partition_keys("lr=a=b/part.parquet") == {"lr": "a=b"}


def test_a_file_of_another_table_is_refused_on_reading(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    store.write(rows("rejected"), path, "rejected")
    # All columns are wrong at once, which pandera reports in the plural.
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors), match="epoch"):
        store.read(path, "errors")


def test_an_unknown_table_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'images'"):
        store.write(rows("images"), tmp_path / "part.parquet", "image")
    with pytest.raises(ValueError, match="did you mean 'errors'"):
        store.read(tmp_path / "part.parquet", "error")


# Whole or not at all


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "part.txt"
    with atomic(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent  # else renaming is not atomic
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert files(tmp_path) == {"part.txt"}


@pytest.mark.parametrize("failure", [ValueError("wrong"), KeyboardInterrupt(), SystemExit(1)])
def test_a_failure_leaves_the_file_that_was_there_and_nothing_else(
    failure: BaseException, tmp_path: Path
) -> None:
    path = tmp_path / "part.txt"
    path.write_text("before")

    def fail() -> None:
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(type(failure)) as raised:
        fail()
    assert raised.value is failure
    assert path.read_text() == "before"
    assert files(tmp_path) == {"part.txt"}


def _full_disk(table: arrow.Table, path: Path, **_: Any) -> None:
    Path(path).write_bytes(b"half")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_explained_and_the_table_that_was_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "part.parquet"
    store.write(rows("rejected"), path, "rejected")
    before = path.read_bytes()
    monkeypatch.setattr(parquet, "write_table", _full_disk)
    with pytest.raises(InputError, match="could not be written: No space left") as refused:
        store.write(rows("rejected").iloc[:1], path, "rejected")
    assert str(path) in str(refused.value)
    assert "Free space" in str(refused.value)
    assert path.read_bytes() == before
    assert files(tmp_path) == {"part.parquet"}


def test_a_read_only_disk_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match="could not be written: Read-only"):
        store.write(rows("rejected"), tmp_path / "new" / "part.parquet", "rejected")


def test_a_directory_in_the_place_of_the_file_is_explained_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    path = tmp_path / "part.parquet"
    path.mkdir()
    with pytest.raises(InputError, match="could not be written"):
        store.write(rows("rejected"), path, "rejected")
    assert files(tmp_path) == {"part.parquet"}


def test_an_input_that_cannot_be_read_is_not_reported_as_an_output_that_cannot_be_written(
    tmp_path: Path,
) -> None:
    """prepare_images reads photographs while the store of pixels is being written."""
    with (
        pytest.raises(FileNotFoundError, match=r"photograph\.jpg"),
        atomic(tmp_path / "pixels.npy"),
    ):
        (tmp_path / "photograph.jpg").read_bytes()
    assert files(tmp_path) == set()


# Where it comes from


def test_the_record_is_kept_beside_what_pandas_keeps(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    store.write(rows("images"), path, "images", RECORD)
    assert read_record(path) == RECORD
    assert b"pandas" in parquet.read_schema(path).metadata


def test_a_table_without_a_record_has_an_empty_one(tmp_path: Path) -> None:
    store.write(rows("rejected"), tmp_path / "ours", "rejected")
    parquet.write_table(arrow.table({"a": [1]}), tmp_path / "foreign")
    assert read_record(tmp_path / "ours") == read_record(tmp_path / "foreign") == {}


# Many runs


def test_tables_of_several_runs_carry_their_run_keys_as_text_in_front(tmp_path: Path) -> None:
    paths = [
        tmp_path / f"protocol=paper/loss=mse/lr={lr}/seed={seed}/part.parquet"
        for lr, seed in (("1e-3", 0), ("0.01", 10))
    ]
    for path in paths:
        store.write(rows("errors"), path, "errors")
    table = store.read_runs(paths, "errors")
    assert list(table.columns) == [
        "protocol", "loss", "lr", "seed", "epoch", "image_id", "metric",
        "backbone", "trained_by", "published",
        "sign", "error",
    ]  # fmt: skip
    keys = list(table[["protocol", "loss", "lr", "seed"]].itertuples(index=False, name=None))
    assert keys == [("paper", "mse", "1e-3", "0")] * 3 + [("paper", "mse", "0.01", "10")] * 3
    assert list(table.index) == list(range(6))
    expected = pd.concat([rows("errors")] * 2, ignore_index=True)
    pd.testing.assert_frame_equal(table[expected.columns], expected)


def test_keys_that_what_was_made_elsewhere_lacks_are_empty(tmp_path: Path) -> None:
    paths = [
        tmp_path / "protocol=paper/loss=mse/lr=1e-3/seed=0/part.parquet",
        tmp_path / "protocol=external/loss=theirs/part.parquet",
    ]
    for path in paths:
        store.write(rows("errors"), path, "errors")
    table = store.read_runs(paths, "errors")
    keys = table[["protocol", "loss", "lr", "seed"]].drop_duplicates()
    assert list(keys.itertuples(index=False, name=None)) == [
        ("paper", "mse", "1e-3", "0"), ("external", "theirs", "", ""),
    ]  # fmt: skip
    assert table["error"].isna().sum() == 2 * rows("errors")["error"].isna().sum()
    alone = store.read_runs(paths[1:], "errors")
    assert list(alone.columns[:3]) == ["protocol", "loss", "epoch"]


def test_a_table_of_no_run_is_returned_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "features.parquet"
    store.write(rows("features"), path, "features")
    pd.testing.assert_frame_equal(store.read_runs([path], "features"), rows("features"))


def test_no_runs_make_an_empty_table() -> None:
    table = store.read_runs([], "outcomes")
    assert list(table.columns[:5]) == ["protocol", "loss", "lr", "seed", "outcome"]
    assert table.empty


# Latents


@pytest.mark.parametrize("make", [np.ascontiguousarray, np.asfortranarray])
def test_latents_are_read_back_bit_by_bit_in_their_order(
    make: Callable[[np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    latents = make(np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32))
    latents[0, :3] = [np.nan, -0.0, np.inf]
    ids = ["e", "a", "d", "b", "c"]
    write_latents(ids, latents, tmp_path / "part.parquet", RECORD)
    found, read = read_latents(tmp_path / "part.parquet")
    assert found == ids
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, latents)
    assert np.signbit(read[0, 1])
    assert read_record(tmp_path / "part.parquet") == RECORD


def test_latents_are_a_list_of_fixed_size_that_other_tools_can_read(tmp_path: Path) -> None:
    latents = np.arange(6, dtype=np.float32).reshape(2, 3)
    write_latents(["a", "b"], latents, tmp_path / "part.parquet")
    schema = parquet.read_schema(tmp_path / "part.parquet")
    assert schema.names == ["image_id", "latent"]
    assert schema.field("latent").type == arrow.list_(arrow.float32(), 3)
    rows = parquet.read_table(tmp_path / "part.parquet").to_pylist()
    assert rows[1] == {"image_id": "b", "latent": [3.0, 4.0, 5.0]}


def test_latents_of_several_blocks_take_the_disk_that_they_take_in_memory(tmp_path: Path) -> None:
    # Half zeros, as after a ReLU: the memory that rules ask for follows the size of the file.
    latents = np.random.default_rng(0).normal(size=(600, 500)).clip(0).astype(np.float32)
    ids = [f"{row:03d}" for row in range(600)]
    write_latents(ids, latents, tmp_path / "part.parquet")
    found, read = read_latents(tmp_path / "part.parquet")
    assert found == ids
    np.testing.assert_array_equal(read, latents)
    assert latents.nbytes < (tmp_path / "part.parquet").stat().st_size < 1.05 * latents.nbytes


def test_latents_are_read_by_slices_of_rows_across_blocks(tmp_path: Path) -> None:
    latents = np.random.default_rng(0).normal(size=(600, 5)).astype(np.float32)
    ids = [f"{row:03d}" for row in range(600)]
    write_latents(ids, latents, tmp_path / "part.parquet")
    file = LatentFile(tmp_path / "part.parquet")
    assert file.shape == (600, 5)
    assert file.image_ids == ids
    slices = [(0, 600), (0, 256), (256, 512), (255, 257), (10, 20), (511, 999), (7, 7), (600, 700)]
    for start, stop in slices:
        read = file[start:stop]
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, latents[start:stop])


def test_latents_of_fewer_ids_than_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="length"):
        write_latents(["a"], np.zeros((2, 3), np.float32), tmp_path / "part.parquet")
    assert files(tmp_path) == set()


# Families of columns


def test_a_family_has_as_many_columns_as_the_table_in_its_order(tmp_path: Path) -> None:
    table = rows("per_image")
    table["error_ssim"], table["error_a_b2"] = [1.0, 2.0, np.nan], 0.5
    wider = table[["error_ssim", *table.columns.drop("error_ssim")]]
    written = store.write(wider.assign(unknown=1), tmp_path / "table.parquet", "per_image")
    errors = [name for name in written if name.startswith("error_")]
    assert errors == ["error_ssim", "error_mse", "error_a_b2"]
    assert list(written.columns[:2]) == ["image_id", "file"]
    assert "unknown" not in written
    pd.testing.assert_frame_equal(store.read(tmp_path / "table.parquet", "per_image"), written)


def test_a_member_of_a_family_is_validated_and_a_table_may_have_none(tmp_path: Path) -> None:
    table = rows("per_image").drop(columns=["error_mse", "split", "predicted"])
    store.write(table, tmp_path / "table.parquet", "per_image")
    with pytest.raises(pandera.errors.SchemaError, match="error_mse"):
        store.write(table.assign(error_mse="high"), tmp_path / "table.parquet", "per_image")


# Reading twin


def test_the_reading_twin_has_tabs_headings_and_six_significant_digits(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["a b", "ü"], "n": [1, 2], "r": [1 / 3, 1.23456789e-7]})
    store.write_tsv(table, tmp_path / "table.tsv")
    text = (tmp_path / "table.tsv").read_text(encoding="utf-8")
    assert text == "name\tn\tr\na b\t1\t0.333333\nü\t2\t1.23457e-07\n"


def test_a_table_that_a_rule_may_lack_is_read_where_it_is_there(tmp_path: Path) -> None:
    rejected = pd.DataFrame({"file": ["a.jpg"], "reason": ["is empty"]})
    store.write(rejected, tmp_path / "rejected.parquet", "rejected")
    found = store.read_if_any([tmp_path / "rejected.parquet"], "rejected")
    assert found is not None
    assert found.equals(rejected)
    assert store.read_if_any([], "rejected") is None


# Latents for mapping, and tables by head


def test_mapped_latents_are_those_of_the_file_whatever_their_number(tmp_path: Path) -> None:
    latents = np.random.default_rng(0).random((600, 3), dtype=np.float32)
    ids = [f"image_{row}" for row in range(600)]
    write_latents(ids, latents, tmp_path / "latents.parquet")
    map_latents(tmp_path / "latents.parquet", tmp_path / "latents.npy", ids)
    mapped = np.load(tmp_path / "latents.npy", mmap_mode="r")
    np.testing.assert_array_equal(mapped, latents, strict=True)
    np.testing.assert_array_equal(open_sealed(tmp_path / "latents.npy"), latents, strict=True)


def test_a_disk_that_fills_while_latents_are_mapped_is_named_and_nothing_is_left(
    tmp_path: Path, files_up_to: Callable[[int], AbstractContextManager[None]]
) -> None:
    ids = [f"image_{row}" for row in range(600)]
    latents = np.zeros((600, 30), dtype=np.float32)
    write_latents(ids, latents, tmp_path / "latents.parquet")
    with pytest.raises(InputError, match="could not be written"), files_up_to(40_000):
        map_latents(tmp_path / "latents.parquet", tmp_path / "latents.npy", ids)
    assert [path.name for path in tmp_path.iterdir()] == ["latents.parquet"]


def test_latents_of_other_images_are_not_mapped(tmp_path: Path) -> None:
    latents = np.zeros((2, 3), dtype=np.float32)
    write_latents(["a", "b"], latents, tmp_path / "latents.parquet")
    with pytest.raises(InputError, match="do not name the same images in the same order"):
        map_latents(tmp_path / "latents.parquet", tmp_path / "latents.npy", ["b", "a"])
    assert not (tmp_path / "latents.npy").exists()


def test_predictions_are_read_by_the_head_that_their_path_names(tmp_path: Path) -> None:
    paths = [tmp_path / f"head={head}" / "part.parquet" for head in ("svr", "ridge")]
    for path in paths:
        store.write(rows("head_predictions"), path, "head_predictions")
    found = store.read_heads(paths)
    assert list(found) == ["svr", "ridge"]
    assert found["ridge"].equals(rows("head_predictions"))
    assert store.failed_heads(paths) == {}
    lost = tmp_path / "head=memnet_trained" / "part.parquet"
    store.write(rows("head_predictions").iloc[:0], lost, "head_predictions", {"reason": "Why."})
    assert list(store.read_heads([*paths, lost])) == ["svr", "ridge"]
    assert store.failed_heads([*paths, lost]) == {"memnet_trained": "Why."}
    again = tmp_path / "target=hit_rate" / "head=memnet_trained" / "part.parquet"
    store.write(rows("head_predictions").iloc[:0], again, "head_predictions", {"reason": "Why."})
    assert store.failed_fits([again]) == {("memnet_trained", "hit_rate"): "Why."}


# Damage


def _damaged(data: bytes, place: float, how: str) -> bytes:
    """Return the bytes of a file cut at, or with one bit changed at, a share of its length."""
    at = int(place * len(data))
    return data[:at] if how == "cut" else data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :]


@pytest.mark.parametrize("how", ["cut", "bit"])
@pytest.mark.parametrize("place", [0.0, 0.02, 0.1, 0.3, 0.5, 0.999])
def test_a_damaged_table_is_refused_or_read_as_it_was(
    tmp_path: Path, place: float, how: str
) -> None:
    path = tmp_path / "part.parquet"
    values = np.random.default_rng(0).uniform(size=500)
    ids = [f"image_{number:03}" for number in range(500)]
    measured = {
        "metric": "mse",
        "backbone": "none",
        "trained_by": "",
        "published": "",
        "sign": "distance",
    }
    table = pd.DataFrame({"epoch": 1, "image_id": ids, **measured, "error": values})
    store.write(table, path, "errors")
    path.write_bytes(_damaged(path.read_bytes(), place, how))
    said = ""
    try:
        found = store.read(path, "errors")
    except InputError as error:
        said = str(error)
    if said:
        assert f"{path} is damaged" in said
        assert "Delete it and run again" in said
    else:
        # A bit of what no reader uses, as a statistic of a column.
        assert how == "bit"
        pd.testing.assert_frame_equal(found, table, check_dtype=False)


def test_one_bit_anywhere_in_the_values_is_noticed(tmp_path: Path) -> None:
    path, latents = tmp_path / "part.parquet", np.ones((300, 16), dtype=np.float32)
    write_latents([f"{row:03}" for row in range(300)], latents, path)
    data = path.read_bytes()
    for share in np.linspace(0.1, 0.9, 9):
        path.write_bytes(_damaged(data, share, "bit"))
        with pytest.raises(InputError, match="is damaged"):
            read_latents(path)


@pytest.mark.parametrize("name", sorted(store.SCHEMAS))
def test_every_table_may_be_empty(name: str, tmp_path: Path) -> None:
    columns = list(rows(name))
    store.write(pd.DataFrame(columns=columns), tmp_path / "part.parquet", name)
    back = store.read(tmp_path / "part.parquet", name)
    assert back.empty
    assert list(back) == columns
