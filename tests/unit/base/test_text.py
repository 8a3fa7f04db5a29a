"""Keys that stand twice in a file of settings."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from memorability.base.errors import InputError
from memorability.base.text import refuse_doubled_keys

Tree = dict[str, object]
KEYS = st.text("abcxyz", min_size=1, max_size=3)
TREES: st.SearchStrategy[Tree] = st.dictionaries(
    KEYS,
    st.recursive(
        st.integers(),
        lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@settings(max_examples=50, deadline=None)
@given(tree=TREES)
def test_files_without_doubled_keys_are_taken(
    tmp_path_factory: pytest.TempPathFactory, tree: Tree
) -> None:
    directory = tmp_path_factory.mktemp("settings")
    refuse_doubled_keys(write(directory / "a.yaml", yaml.safe_dump(tree)))
    refuse_doubled_keys(write(directory / "a.json", json.dumps(tree, indent="\t")))


@settings(max_examples=50, deadline=None)
@given(tree=TREES, depth=st.integers(0, 3), key=KEYS)
def test_a_doubled_key_is_named_with_both_lines_at_any_depth(
    tmp_path_factory: pytest.TempPathFactory, tree: Tree, depth: int, key: str
) -> None:
    lines = yaml.safe_dump({"before": tree}).splitlines()
    lines += [f"{' ' * level}level_{level}:" for level in range(depth)]
    lines += [f"{' ' * depth}{key}_: 1", f"{' ' * depth}other_: 2", f"{' ' * depth}'{key}_' : 3"]
    path = write(tmp_path_factory.mktemp("settings") / "study.yaml", "\n".join(lines))
    first, second = len(lines) - 2, len(lines)
    with pytest.raises(InputError, match=f"'{key}_' .* in line {first} and in line {second}"):
        refuse_doubled_keys(path)


def test_a_doubled_key_of_json_is_named_too(tmp_path: Path) -> None:
    path = write(tmp_path / "study.json", '{\n\t"a": 1,\n\t"b": {"a": 2},\n\t"a": 3\n}')
    with pytest.raises(InputError, match=r"the key 'a' .* in line 2 and in line 4"):
        refuse_doubled_keys(path)


def test_merged_and_recursive_mappings_are_taken(tmp_path: Path) -> None:
    text = "base: &b {x: 1}\nmine:\n  <<: *b\n  x: 2\nother: &o\n  inner: *o\n"
    refuse_doubled_keys(write(tmp_path / "study.yaml", text))


def test_what_cannot_be_read_is_left_to_its_reader(tmp_path: Path) -> None:
    refuse_doubled_keys(tmp_path / "nowhere.yaml")
    refuse_doubled_keys(write(tmp_path / "a.yaml", "a: [1"))
