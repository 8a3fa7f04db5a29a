"""The table of settings in config/README.md, from the schema: `python -m tests.parameters`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from memorability.study.resolve import full_schema

ROOT = Path(__file__).parents[1]
README = ROOT / "config" / "README.md"
HEADER = "| setting | what it takes | config.yaml says |\n|---|---|---|\n"
WORDS = {
    "integer": "whole number", "number": "number", "string": "text", "boolean": "true or false",
    "null": "null", "object": "names with values", "array": "list",
}  # fmt: skip


def table(root: Path) -> str:
    """Return a row per setting: its path, what the schema allows, and its value in config.yaml."""
    schema = full_schema(root)
    defaults = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    return HEADER + "".join(
        f"| `{path}` | {takes} | {value} |\n"
        for path, takes, value in _rows(schema["properties"], defaults, schema["$defs"])
    )


def with_table(text: str, new: str) -> str:
    """Return a document with its table replaced."""
    start = text.index(HEADER)
    end = text.find("\n\n", start)
    return text[:start] + new + (text[end + 1 :] if end >= 0 else "")


def _rows(
    properties: Mapping[str, Any], defaults: Any, shared: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, str, str]]:
    for name, rule in properties.items():
        value = defaults.get(name) if isinstance(defaults, Mapping) else None
        inner = rule.get("properties", {})
        # A data set's settings depend on its kind: config.yaml says which belong together.
        if inner and name != "dataset":
            yield from _rows(inner, value, shared, f"{above}{name}.")
        else:
            written = json.dumps(value, ensure_ascii=False).replace("|", "\\|")
            takes = "see config.yaml" if name == "dataset" else _takes(rule, shared)
            yield f"{above}{name}", takes, f"`{written}`"


def _takes(rule: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    """Return in words what a rule of the schema allows."""
    if "$ref" in rule:
        return _takes(shared[rule["$ref"].removeprefix("#/$defs/")], shared)
    if "enum" in rule:
        return ", ".join(f"`{'null' if each is None else each}`" for each in rule["enum"])
    if "description" in rule:
        said = str(rule["description"])
        return f"{said}, or null" if "null" in rule["type"] else said
    kinds = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
    said = " or ".join(WORDS[kind] for kind in kinds)
    if "items" in rule:
        said += f" of: {_takes(rule['items'], shared)}"
    bounds = {
        "minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most",
        "exclusiveMaximum": "below",
    }  # fmt: skip
    limits = [f"{words} {rule[key]}" for key, words in bounds.items() if key in rule]
    return ", ".join([said, *limits])


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8"), table(ROOT)), encoding="utf-8")
