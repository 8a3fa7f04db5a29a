"""Pack what a colleague needs to analyse a finished study again: no pixels, models or photographs."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from memorability.base.files import atomic

STUDY = "study.yaml"
SUFFIXES = {".parquet", ".tsv", ".json", ".md", ".html", ".svg", ".png"}
# Below the results: photographs, and pages that show them.
_PHOTOGRAPHS = (
    "dataset/images/*", "figures/attributions.*", "figures/reconstructions.*", "report.html",
)  # fmt: skip


def packed_files(results: Path) -> list[Path]:
    """Return the tables, figures and records of a study that its archive holds, sorted."""
    return sorted(
        path
        for path in results.rglob("*")
        if path.suffix in SUFFIXES
        and path.is_file()
        and not any(path.relative_to(results).match(pattern) for pattern in _PHOTOGRAPHS)
    )


def pack(results: Path, archive: Path, configuration: Mapping[str, Any]) -> None:
    """Write an archive of a study: the same bytes for the same files with the same times.

    Parameters
    ----------
    results
        The study's results, relative to the working directory; members are named like files there.
    archive
        A tar file compressed by gzip; it appears whole.
    configuration
        The whole configuration, which becomes `STUDY` in the results.
    """
    with (
        atomic(archive) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as packed,
    ):
        text = yaml.safe_dump(dict(configuration), sort_keys=False).encode()
        member = tarfile.TarInfo(str(results / STUDY))
        member.size = len(text)
        packed.addfile(member, io.BytesIO(text))
        for file in packed_files(results):
            # Times stay: they say what was made from what.
            packed.add(file, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member
