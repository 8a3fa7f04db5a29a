"""Texts that users write: the one form of what looks alike, and keys that a file gives twice."""

import unicodedata
from pathlib import Path

import yaml

from memorability.base.errors import InputError

SPREADSHEETS = (".numbers", ".ods", ".xls", ".xlsb", ".xlsm", ".xlsx")
AS_CSV = (
    "Save it as CSV in the spreadsheet program (in Excel: Save As, CSV UTF-8), and name that file."
)


def one_form(text: str) -> str:
    """Return the one form of all texts that look alike: composed accents (NFC), single blanks.

    Non-breaking and other blanks are blanks; none is at either end.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def refuse_doubled_keys(file: Path) -> None:
    """Refuse a YAML or JSON file with a key that stands twice at one place: readers drop the first.

    A file that cannot be read is left to its reader, which says why.

    Raises
    ------
    InputError
        Naming the key and both of its lines.
    """
    try:
        # A tab is no blank of YAML, but it is one of JSON.
        text = file.read_text(encoding="utf-8-sig").expandtabs()
        waiting = [yaml.compose(text, Loader=yaml.SafeLoader)]
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return
    known: set[int] = set()  # what an alias names comes again, perhaps within itself
    while waiting:
        node = waiting.pop()
        if id(node) in known:
            continue
        known.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            _refuse_doubled(file, node)
            waiting += [value for _, value in node.value]


def _refuse_doubled(file: Path, mapping: yaml.MappingNode) -> None:
    keys: dict[tuple[str, str], yaml.ScalarNode] = {}
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            continue
        first = keys.setdefault((key.tag, key.value), key)
        if first is not key:
            raise InputError(
                f"{file}: the key {key.value!r} stands twice at one place, in line "
                f"{first.start_mark.line + 1} and in line {key.start_mark.line + 1}, and only the last "
                "would count. Remove one of them, or make one key of both."
            )
