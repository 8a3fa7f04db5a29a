"""What code makes a result: a fingerprint of every definition that a script can reach.

Snakemake reruns a job when a parameter changes, but does not see the library that a script calls.
A rule that carries this fingerprint as a parameter is rerun when, and only when, code that decides
its result changes. A definition (a function, a class, a constant) counts by its syntax tree: comments,
docstrings, line breaks, the file that it stands in and the lines that import it do not.
"""

import ast
import hashlib
import json
import symtable
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from memorability.base.errors import InputError
from memorability.base.files import atomic, file_sha256

PACKAGE = Path(str(resources.files("memorability")))
PLUMBING = frozenset(
    {
        "", "autoencoder.resuming", "base.errors", "base.files", "base.hashes", "base.job_log",
        "base.shards", "explanation.jobs", "networks.model_file", "networks.training.checkpoints",
        "sources.downloads",
        "tables.latents", "tables.schemas.analysis", "tables.schemas.autoencoder",
        "tables.schemas.attributes", "tables.schemas.columns", "tables.schemas.data",
        "tables.schemas.explanation",
        "tables.schemas.prediction", "tables.schemas.where", "tables.store", "workflow.fingerprint",
        "workflow.job",
        "workflow.records",
    }
)  # fmt: skip
"""Modules that say how a result is read, kept, logged or refused, and never what it is.

They do not count, nor does the version in the package itself (""). What they call, does.
"""

LOOKUPS = frozenset(
    {("prediction.names", "fit_of"), ("pixel_predictors.of_files", "specification")}
)
"""Definitions that find another by a name that only a job knows, in a registry.

They are not followed: what they find counts where a rule gives it to `fingerprint`.
"""

_Definition = tuple[str, str]  # module within the package, name within the module
_DATA = (".yaml", ".html", ".css", ".js")
_SYNTAX_ONLY = {"ctx", "kind", "type_comment"}


def fingerprint(script: str | Path, *definitions: str) -> str:
    """Return a hash of a script and of every definition of this package that it can reach.

    Parameters
    ----------
    script
        File of the script.
    definitions
        What the script reaches by a name that only its job knows, as "module:name", for example
        "prediction.predictors.kernels:fit_ridge".

    Returns
    -------
    str
        16 hexadecimal digits.

    Raises
    ------
    ValueError
        If the script or a definition imports a name from this package that is not there.
    """
    root = _script(Path(script))
    parts = set(root.parts)
    for module, name in _counted({*root.needs, *map(_named, definitions)}):
        parts |= _meaning(PACKAGE, module, name).parts
    return hashlib.sha256(json.dumps(sorted(parts)).encode()).hexdigest()[:16]


class KeptFingerprints:
    """Fingerprints that stay on disk as long as no file of the code changes.

    Making all of them takes a second, which every start of Snakemake would take.

    Parameters
    ----------
    scripts
        Directory of the scripts.
    file
        Where they are kept: fingerprints by script, of the code with that digest alone.
    """

    def __init__(self, scripts: Path, file: Path) -> None:
        self._scripts, self._file = scripts, file
        self._digest = _digest(scripts)
        self._known: dict[str, str] = {}
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            if kept["code"] == self._digest:
                self._known = dict(kept["fingerprints"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # nothing is kept, or what is kept is damaged: they are made again

    def of(self, script: str, *definitions: str) -> str:
        """Return `fingerprint` of a script, by its name, and of what it reaches by a job's name."""
        key = " ".join([script, *definitions])
        if key not in self._known:
            self._known[key] = fingerprint(self._scripts / f"{script}.py", *definitions)
            self._keep()
        return self._known[key]

    def _keep(self) -> None:
        kept = {"code": self._digest, "fingerprints": self._known}
        # The code may lie where this user may not write.
        with suppress(InputError), atomic(self._file) as temporary:
            temporary.write_text(json.dumps(kept, indent=1, sort_keys=True), encoding="utf-8")


def _digest(scripts: Path) -> str:
    """Return a hash of all code and data files of the package and of all scripts, by content."""
    digest = hashlib.sha256(sys.version.encode())
    for folder, patterns in (
        (PACKAGE, ("*.py", *(f"*{kind}" for kind in _DATA))),
        (scripts, ("*.py",)),
    ):
        for path in sorted(path for pattern in patterns for path in folder.rglob(pattern)):
            digest.update(f"{path.relative_to(folder)} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def reached(script: str | Path, *definitions: str) -> set[str]:
    """Return the definitions that count in a fingerprint of the same arguments, as "module:name"."""
    roots = {*_script(Path(script)).needs, *map(_named, definitions)}
    return {f"{module}:{name}" for module, name in _counted(roots)}


def _named(definition: str) -> _Definition:
    module, _, name = definition.partition(":")
    return module, name


def _counted(roots: set[_Definition]) -> set[_Definition]:
    definitions: set[_Definition] = set()
    waiting = [*roots]
    while waiting:
        definition = waiting.pop()
        if definition not in definitions and definition not in LOOKUPS:
            definitions.add(definition)
            waiting.extend(_meaning(PACKAGE, *definition).needs)
    return {(module, name) for module, name in definitions if module not in PLUMBING}


@dataclass
class _Meaning:
    """What a definition says, by its syntax, and which definitions of this package it names."""

    parts: set[str] = field(default_factory=set)
    needs: set[_Definition] = field(default_factory=set)


@dataclass
class _Imports:
    """Local names: of modules of this package, of their definitions, and of what is outside."""

    modules: dict[str, str] = field(default_factory=dict)
    names: dict[str, _Definition] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)

    def add(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            local = alias.asname or alias.name
            if isinstance(node, ast.Import):
                if alias.name.partition(".")[0] == PACKAGE.name:
                    raise ValueError(
                        f"`import {alias.name}`: write `from memorability import …`, which "
                        "fingerprints can follow."
                    )
                self.outside[local.partition(".")[0]] = f"import {alias.name}"
            elif node.module and node.module.partition(".")[0] == PACKAGE.name:
                module = node.module.partition(".")[2]
                inner = f"{module}.{alias.name}".strip(".")
                if _file(inner):
                    self.modules[local] = inner
                else:
                    self.names[local] = (module, alias.name)
            else:
                self.outside[local] = f"from {node.module} import {alias.name}"

    def among(self, local: set[str]) -> "_Imports":
        """Return the imports of this package whose local names are given: others are shadowed."""
        return _Imports(
            {name: module for name, module in self.modules.items() if name in local},
            {name: definition for name, definition in self.names.items() if name in local},
        )

    def with_(self, inner: "_Imports") -> "_Imports":
        """Return these imports and those within a function."""
        return _Imports(self.modules | inner.modules, self.names | inner.names)


@dataclass
class _Module:
    path: Path
    lines: list[str]
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: _Imports = field(default_factory=_Imports)


def _file(module: str) -> Path | None:
    base = PACKAGE.joinpath(*module.split(".")) if module else PACKAGE
    files = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in files if path.is_file()), None)


@cache
def _module(package: Path, module: str) -> _Module:
    path = _file(module)
    if path is None:
        raise ValueError(f"memorability has no module {module!r}. Correct the import.")
    text = path.read_text(encoding="utf-8")
    source = _Module(path, text.splitlines())
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            source.imports.add(statement)
        for name in _bound(statement):
            source.definitions.setdefault(name, []).append(statement)
    return source


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


@cache
def _meaning(package: Path, module: str, name: str) -> _Meaning:
    source = _module(package, module)
    if name in source.imports.names:
        return _Meaning(needs={source.imports.names[name]})
    if name not in source.definitions:
        raise ValueError(f"memorability.{module} defines no {name!r}. Correct the import.")
    meaning = _Meaning()
    for statement in source.definitions[name]:
        _add(meaning, statement, module, source)
    return meaning


def _script(path: Path) -> _Meaning:
    text = path.read_text(encoding="utf-8")
    source = _Module(path, text.splitlines())
    meaning = _Meaning()
    for statement in ast.parse(text).body:
        if not (isinstance(statement, ast.Import | ast.ImportFrom) or _says_nothing(statement)):
            _add(meaning, statement, "", source)
    return meaning


def _add(meaning: _Meaning, statement: ast.stmt, module: str, source: _Module) -> None:
    """Add what a statement says and names to a meaning."""
    inner = _Imports()
    text = _text(statement, source.lines)
    # Few functions import: most need not be walked.
    for node in ast.walk(statement) if "import" in text else ():
        if isinstance(node, ast.Import | ast.ImportFrom):
            inner.add(node)
    names = _global_names(text)
    imports = source.imports.among(names).with_(inner)
    plain = _Plain(imports, source.path)
    meaning.parts.add(json.dumps(plain.tree(statement)))
    meaning.parts |= plain.data
    meaning.needs |= plain.needs | set(imports.names.values())
    meaning.needs |= {(module, name) for name in names & source.definitions.keys()}
    meaning.parts |= {
        source.imports.outside[name] for name in names & source.imports.outside.keys()
    }


class _Plain:
    """Leaves of a statement what decides results; notes modules' definitions and data files."""

    def __init__(self, imports: _Imports, path: Path) -> None:
        self.imports = imports
        self.path = path
        self.needs: set[_Definition] = set()
        self.data: set[str] = set()

    def tree(self, node: Any) -> Any:
        """Return a syntax tree as lists, without empty fields, which differ among Pythons."""
        if isinstance(node, list):
            return [self.tree(item) for item in node if not _says_nothing(item)]
        if not isinstance(node, ast.AST):
            return repr(node)
        match node:
            case ast.Attribute(ast.Name(local), attribute) if local in self.imports.modules:
                self.needs.add((self.imports.modules[local], attribute))
                return ["Name", attribute]
            case ast.Name(local):
                return ["Name", self.imports.names.get(local, ("", local))[1]]
            case ast.Constant(str(text)) if text.endswith(_DATA):
                file = self.path.parent / text
                if file.is_file():
                    self._add_data(file)
                    return ["Data"]
        fields = [
            [name, self.tree(value)]
            for name, value in ast.iter_fields(node)
            if name not in _SYNTAX_ONLY and value is not None and value != []
        ]
        return [type(node).__name__, *fields]

    def _add_data(self, file: Path) -> None:
        """Count what a data file beside the module says, and neither its comments nor its name."""
        text = file.read_text(encoding="utf-8")
        content = yaml.safe_load(text) if file.suffix == ".yaml" else text
        self.data.add(json.dumps(content, sort_keys=True, default=str))


def _says_nothing(node: ast.AST) -> bool:
    """Whether a statement is a docstring or imports from this package."""
    match node:
        case ast.Expr(ast.Constant(str())):
            return True
        case ast.ImportFrom(module=str(module)):
            return module.partition(".")[0] == PACKAGE.name
    return False


def _text(statement: ast.stmt, lines: list[str]) -> str:
    """Return the lines of a statement, with its decorators."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(lines[first - 1 : statement.end_lineno])


def _global_names(text: str) -> set[str]:
    """Return the names of a statement that it takes from its module."""
    tables = [symtable.symtable(text, "statement", "exec")]
    names: set[str] = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        top = table.get_type() == "module"
        names |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_global() or (top and symbol.is_referenced())
        }
    return names
