"""A job as its script sees it: what it reads, what it writes, and its log.

Imports are inside the methods: the log of a job has their failure, too, and a script pays for what
it uses alone.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from memorability.base.files import atomic
from memorability.base.job_log import job_log
from memorability.base.settings import from_params
from memorability.workflow.records import table_record

if TYPE_CHECKING:
    import pandas as pd


_Settings = TypeVar("_Settings")


class RunningJob:
    """Context manager: the job of a script, logged from its first line to its last.

    Log lines, warnings and the failure of an import or of the work go to the log file of the rule, as
    `memorability.base.job_log.job_log` says.

    Parameters
    ----------
    snakemake
        What Snakemake gives to a script.

    Attributes
    ----------
    input, output, params, wildcards, threads, config
        As Snakemake gives them.
    settings
        The rule's param `settings`, empty where it has none. With study and code, they go into the
        record of every table that is written; a script that changes them assigns the changed ones.
    """

    def __init__(self, snakemake: Any) -> None:
        self.input = snakemake.input
        self.output = snakemake.output
        self.params = snakemake.params
        self.wildcards = snakemake.wildcards
        self.threads: int = snakemake.threads
        self.config: dict[str, Any] = snakemake.config
        self.settings: Any = snakemake.params.get("settings", {})
        self._log: AbstractContextManager[None] = job_log(snakemake.log[0])

    def __enter__(self) -> Self:
        self._log.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._log.__exit__(kind, error, trace)

    def read_settings(self, kind: type[_Settings]) -> _Settings:
        """Return the settings as the dataclass that they describe: see `from_params`."""
        return from_params(kind, self.settings)

    @property
    def record(self) -> dict[str, str]:
        """What tables of this job keep in their metadata: see `table_record`."""
        return table_record(self.params.study, self.settings, self.params.code)

    def read(self, name: str, schema: str = "") -> "pd.DataFrame":
        """Return the table of the input `name`, which is one file.

        Parameters
        ----------
        name
            Of the input in the rule.
        schema
            Of the table, where it has another name than the input.

        Raises
        ------
        InputError
            If the file is damaged.
        ValueError
            If the input is not one file.
        """
        (table,) = self.read_each(name, schema)
        return table

    def read_if_any(self, name: str, schema: str = "") -> "pd.DataFrame | None":
        """Return the table of an input that the rule may do without, or None; else as `read`."""
        return self.read(name, schema) if self.input[name] else None

    def read_each(self, name: str, schema: str = "") -> "list[pd.DataFrame]":
        """Return the table of every file of the input `name`; else as `read`."""
        from memorability.tables import store

        return [store.read(path, schema or name) for path in self._files(name)]

    def read_runs(self, name: str, schema: str = "") -> "pd.DataFrame":
        """Return the parts of one table with the keys of their paths: see `store.read_runs`."""
        from memorability.tables import store

        return store.read_runs(self._files(name), schema or name)

    def write(
        self,
        name: str,
        table: "pd.DataFrame",
        schema: str = "",
        *,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a table with the record of this job to the output `name`.

        Where the rule has an output `<name>_tsv`, the same rows are written there for people.

        Parameters
        ----------
        name
            Of the output in the rule.
        table
            Its rows.
        schema
            Of the table, where it has another name than the output.
        facts
            What the record keeps besides.

        Raises
        ------
        pandera.errors.SchemaError
            If the table does not fit the schema; nothing is written then.
        """
        from memorability.tables import store

        record = self.record | dict(facts or {})
        written = store.write(table, self.output[name], schema or name, record)
        twin = f"{name}_tsv"
        if twin in self.output.keys():  # noqa: SIM118  # a list of files, whose names are its keys
            store.write_tsv(written, self.output[twin])

    def write_text(self, name: str, text: str) -> None:
        """Write a text to the output `name`, whole or not at all."""
        with atomic(self.output[name]) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def write_json(self, name: str, value: Any) -> None:
        """Write plain values as JSON to the output `name`, whole or not at all."""
        self.write_text(name, json.dumps(value, indent=1))

    def _files(self, name: str) -> list[str]:
        files = self.input[name]
        return [files] if isinstance(files, str) else list(files)
