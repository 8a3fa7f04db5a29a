"""Read a configuration into a study, refusing what contradicts itself."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from memorability.base.errors import InputError, nearest
from memorability.base.run_keys import EXTERNAL
from memorability.base.text import AS_CSV, SPREADSHEETS
from memorability.images.data_sets import DATA_SETS, OTHER_ORIGIN
from memorability.memory_game.score_kinds import SCORE_KINDS
from memorability.networks.catalogue import LOSS_BACKBONES, LOSSES, NETWORKS
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.prediction.names import OTHER_HEADS, reading
from memorability.study.contradictions import (
    check_attributes,
    check_external,
    check_heads,
    check_images,
    check_initial_weights,
    check_pixel_predictors,
    check_response_models,
    check_search,
    check_split,
    check_tables,
    check_target,
    check_where,
    in_full,
    refuse_equal_protocols,
    selected_runs,
)
from memorability.study.grid import Run, grid
from memorability.study.protocol import Protocol, load_protocol
from memorability.study.study import Study

_PATH = re.compile(r"(^|\.)(images|scores|trials|file|directory|mean_image)$")
_QUOTES = 'YAML takes no, yes, on and off for true and false, and digits for a number: quote "no"'


def _is_number(_: object, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# JSON Schema takes 3.0 for an integer and knows no .nan or .inf, which YAML does.
_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "number": _is_number,
            "integer": lambda checker, value: _is_number(checker, value) and isinstance(value, int),
        }
    ),
)


def resolve(config: Mapping[str, Any], root: Path) -> Study:
    """Check a configuration and return the study it describes.

    Parameters
    ----------
    config
        The merged configuration: config.yaml and its overlays.
    root
        Directory of the workflow, which holds schemas/ and protocols/.

    Raises
    ------
    InputError
        Naming every mistake: unknown keys with the nearest known one, wrong types and values,
        labels that are no learning rates, protocols that do not exist.
    """
    validator = _Validator(full_schema(root))
    config = _with_values(config, validator)
    mistakes = list(_refused_texts(config))
    mistakes += [line for error in validator.iter_errors(config) for line in _explain(error)]
    if mistakes:
        raise InputError(
            "The configuration is not valid:\n  - "
            + "\n  - ".join(sorted(set(mistakes)))
            + "\nEvery key is explained in config.yaml."
        )
    config = {**config, "dataset": in_full(config["dataset"])}
    check_images(config["dataset"], config["runs"])
    check_tables(config["dataset"])
    check_external(config)
    check_attributes(config["attributes"], config["dataset"]["kind"])
    protocols: dict[str, Protocol] = {}
    runs: tuple[Run, ...] = ()
    selected: tuple[Run, ...] = ()
    if config["runs"]:
        protocols = _protocols(config, root)
        runs = _runs(config, protocols)
        selected = selected_runs(config["selected"], runs)
        check_split(
            config["prediction"]["split"],
            config["dataset"]["kind"],
            config["images"]["on_bad_image"],
        )
        check_search(config["prediction"]["search"])
        check_heads(config["prediction"]["external"])
        check_pixel_predictors(config["prediction"], config["dataset"]["kind"])
        check_where(config["where"], config["prediction"], config["weights"])
    study = Study(_in_order(config), protocols, runs, selected)
    columns = study.image_source["columns"]
    check_target(config["statistics"]["target"], columns)
    models = config["statistics"]["response_models"]
    check_response_models(models, columns, trials=study.has_trials)
    return study


def full_schema(root: Path) -> dict[str, Any]:
    """Return the schema of configurations, with the names of the registries."""
    text = (root / "schemas" / "config.schema.yaml").read_text(encoding="utf-8")
    schema: dict[str, Any] = yaml.safe_load(text)
    schema["$defs"] |= {what: {"enum": names} for what, names in _registered().items()}
    return schema


def _refused_texts(value: Any, where: str = "") -> Iterator[str]:
    """Yield a line for each text that no key may have: with a line break, or a brace in a path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            place = f"{where}.{key}" if where else str(key)
            if not isinstance(key, str):
                yield f"{place}: the key {key!r} is no text. {_QUOTES}"
            yield from _refused_texts(inner, place)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _refused_texts(inner, f"{where}.{number}")
    elif isinstance(value, str):
        if len(value.splitlines()) > 1 or value.endswith(("\n", "\r")):
            yield (
                f"{where}: {value!r} has a line break. Write the value in the line of its key, "
                "without | or >"
            )
        if _PATH.search(where) and ".columns." not in where and {"{", "}"} & set(value):
            yield (
                f"{where}: {value!r} has a brace, which the workflow takes for a placeholder. Rename "
                "the file or folder, or make a link to it without braces"
            )


def _with_values(config: Mapping[str, Any], validator: Any) -> Mapping[str, Any]:
    """Return the configuration with numbers, true and false for texts that say so, where wanted.

    Snakemake reads what is nested in `--config` as text, and YAML reads 5e-5 so.
    """
    config = deepcopy(dict(config))
    kinds: dict[Any, Callable[[str], Any]] = {"integer": int, "number": float, "boolean": _truth}
    for error in list(validator.iter_errors(config)):
        if error.validator != "type" or not isinstance(error.instance, str):
            continue
        kind = kinds.get(error.validator_value)
        *way, last = error.absolute_path
        if kind is not None:
            with suppress(ValueError):
                place: Any = reduce(getitem, way, config)
                place[last] = kind(error.instance)
    return config


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _registered() -> dict[str, list[str]]:
    """Return the names that the schema takes from registries."""
    return {
        "loss": [*LOSSES],
        "network_loss": [*LOSS_BACKBONES],
        "other_head": [*OTHER_HEADS],
        "left_out_head": ["none", *reading("latents")],
        "pixel_predictor": [*PIXEL_PREDICTORS],
        "origin": [*DATA_SETS, OTHER_ORIGIN],
        "score": [*SCORE_KINDS],
        "network": [*NETWORKS],
    }


def _protocols(config: Mapping[str, Any], root: Path) -> dict[str, Protocol]:
    if EXTERNAL in config["protocols"]:
        raise InputError(
            f"protocols: {EXTERNAL!r} stands for errors and latents made elsewhere. Give the file of "
            "this protocol another name."
        )
    protocols = {name: load_protocol(name, root / "protocols") for name in config["protocols"]}
    for name, protocol in protocols.items():
        check_initial_weights(name, protocol, config["autoencoder"]["width"], config["pretraining"])
    refuse_equal_protocols(protocols)
    return protocols


def _runs(config: Mapping[str, Any], protocols: Mapping[str, Protocol]) -> tuple[Run, ...]:
    seeds = config["seeds"]
    return tuple(
        run
        for run in grid(config["protocols"], config["losses"], config["learning_rates"], seeds)
        # Where a seed changes nothing, further ones would be the same run again.
        if protocols[run.protocol].seeded or run.seed == seeds[0]
    )


def _in_order(settings: Any) -> Any:
    """Return settings with sorted keys: Snakemake reruns a job whose parameters change their order."""
    if isinstance(settings, Mapping):
        return {key: _in_order(settings[key]) for key in sorted(settings)}
    return settings


def _explain(error: jsonschema.ValidationError) -> Iterator[str]:
    """Yield one line per mistake, in the user's words rather than the schema's."""
    where = ".".join(str(part) for part in error.absolute_path)
    prefix = f"{where}." if where else ""
    rule: Any = error.validator_value
    instance: Any = error.instance
    schema: Any = error.schema
    known = schema.get("properties", {})
    if error.validator == "additionalProperties":
        for key in sorted(map(str, set(instance) - set(known))):
            yield f"{prefix}{key}: unknown key ({nearest(key, known)})"
    elif error.validator == "required":
        for key in rule:
            if key not in instance:
                yield f"{prefix}{key}: missing"
    elif error.validator == "enum":
        words = ["null" if word is None else str(word) for word in rule]
        yield f"{where}: {instance!r} is unknown ({nearest(str(instance), words)})"
    elif error.validator == "pattern":
        spreadsheet = str(instance).lower().endswith(SPREADSHEETS)
        advice = f". {AS_CSV.rstrip('.')}" if spreadsheet else ""
        yield f"{where}: {instance!r} is not {schema['description']}{advice}"
    elif error.validator == "type":
        hint = ""
        if rule == "string":
            hint = f" ({_QUOTES})"
            if "learning_rate" in where:
                hint = ' (learning rates are quoted labels, as in "5e-6")'
            elif instance is None:
                hint = " (nothing stands behind the colon)"
        expected = schema["description"] if rule == "null" else f"of type {rule}"
        yield f"{where}: {instance!r} should be {expected}{hint}"
    else:
        yield f"{where}: {error.message}"
