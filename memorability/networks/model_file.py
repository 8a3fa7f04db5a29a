"""Networks in one file: tensors as safetensors, and in the header, as JSON, what they are.

Nothing of such a file is code.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from memorability.base.errors import InputError
from memorability.base.files import atomic


@dataclass(frozen=True)
class ModelFile:
    """A kind of file.

    Attributes
    ----------
    name
        What it is called in messages.
    mark
        Key of the header, and key of what stands there, that no other kind of file has together.
    advice
        What to do where a file is missing or not of this kind.
    """

    name: str
    mark: tuple[str, str]
    advice: str

    def write(
        self, path: str | Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> None:
        """Write tensors under a header; the file appears whole or not at all."""
        named = {key: value.contiguous().cpu() for key, value in tensors.items()}
        # One key: safetensors writes several in an order of its own, and equal runs shall have
        # equal bytes. Its own writer of files makes some that only their owner may read.
        data = save(named, metadata={"memorability": json.dumps(header)})
        with atomic(path) as temporary:
            temporary.write_bytes(data)

    def read(self, path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return the header and the tensors of a file of `write`.

        Raises
        ------
        InputError
            If the file is missing, no safetensors, cut off, or of another kind.
        """
        path = Path(path)
        if not path.is_file():
            problem = "is a directory, not a file" if path.is_dir() else "does not exist"
            raise InputError(f"The {self.name} {path} {problem}. {self.advice}")
        try:
            with safe_open(path, framework="pt") as file:
                header = self._header(path, file.metadata() or {})
                return header, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise InputError(
                f"{path} is no {self.name}, or only the beginning of one: {error}. {self.advice}"
            ) from error

    def _header(self, path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
        outer, inner = self.mark
        try:
            header: dict[str, Any] = json.loads(metadata["memorability"])
            marked = inner in header[outer]
        except (KeyError, TypeError, ValueError):
            marked = False
        if not marked:
            raise InputError(f"{path} holds tensors, but is no {self.name}. {self.advice}")
        return header
