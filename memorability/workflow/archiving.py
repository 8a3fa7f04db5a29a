"""Pack what a colleague needs to analyse a finished study again: no pixels, models or photographs.

The archive is a Workflow Run RO-Crate (https://w3id.org/ro/wfrun/workflow/0.5): `METADATA` in it says
of every file what it is, and of the run what it used and made.
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from memorability.base.files import ROOT, atomic

STUDY = "study.yaml"
PROVENANCE = "provenance.json"
SUFFIXES = {".parquet", ".tsv", ".json", ".md", ".html", ".svg", ".png", ".txt", ".bib"}
# Below the results: photographs, folders of them, and pages that show them.
_PHOTOGRAPHS = (
    "dataset/images", "figures/attributions.*", "figures/reconstructions.*", "report.html",
    "explorer.html", "tables/near_duplicates.html", "figures/ablation_examples.*",
    "figures/memorability_maps", "figures/unit_images", "figures/unit_portraits",
    "figures/modified_examples.*", "where/stimuli",
)  # fmt: skip
METADATA = "ro-crate-metadata.json"
_SNAKEFILE, _README = "workflow/Snakefile", "README.md"
_CONTEXT = (
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
)
_PROFILES = (
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
)
_KINDS = {
    ".parquet": "application/vnd.apache.parquet", ".tsv": "text/tab-separated-values",
    ".json": "application/json", ".md": "text/markdown", ".html": "text/html",
    ".svg": "image/svg+xml", ".png": "image/png", ".txt": "text/plain", ".bib": "application/x-bibtex",
    ".yaml": "application/yaml",
}  # fmt: skip


def packed_files(results: Path) -> list[Path]:
    """Return the tables, figures and records of a study that its archive holds, sorted."""
    return sorted(
        path
        for path in results.rglob("*")
        if path.suffix in SUFFIXES
        and path.is_file()
        and not _is_photograph(path.relative_to(results))
    )


def _is_photograph(path: Path) -> bool:
    """Whether a file below the results shows photographs, or lies in a folder of them."""
    return any(place.match(pattern) for place in (path, *path.parents) for pattern in _PHOTOGRAPHS)


def pack(results: Path, archive: Path, configuration: Mapping[str, Any]) -> None:
    """Write an archive of a finished study: the same bytes for the same files with the same times.

    Parameters
    ----------
    results
        The study's results, relative to the working directory; members are named like files there.
    archive
        A tar file compressed by gzip; it appears whole.
    configuration
        The whole configuration, which becomes `STUDY` in the results.
    """
    study = yaml.safe_dump(dict(configuration), sort_keys=False).encode()
    snakefile = (ROOT / "Snakefile").read_bytes()
    files = packed_files(results)
    record = json.loads((results / PROVENANCE).read_text(encoding="utf-8"))
    readme = (ROOT / "results" / _README).read_bytes()
    written = {STUDY: study, _SNAKEFILE: snakefile, _README: readme}
    metadata = crate_metadata(results, files, written, record)
    written[METADATA] = json.dumps(metadata, indent=1, ensure_ascii=False).encode()
    with (
        atomic(archive) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as packed,
    ):
        for name, content in written.items():
            member = tarfile.TarInfo(str(results / name))
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
        for file in files:
            # Times stay: they say what was made from what.
            packed.add(file, filter=_anonymous)


def crate_metadata(
    results: Path, files: Sequence[Path], written: Mapping[str, bytes], record: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what an RO-Crate says of a study and its files.

    Parameters
    ----------
    results
        The study's results, which are the crate.
    files
        Of the archive, below the results.
    written
        Others of the archive, by their path below the results.
    record
        The study's provenance, as from `memorability.workflow.records.study_record`.
    """
    times = [file.stat().st_mtime for file in files]
    began, ended = (
        datetime.fromtimestamp(time, tz=UTC).isoformat(timespec="seconds")
        for time in (min(times), max(times))
    )
    parts = [_file(file.relative_to(results).as_posix(), file.read_bytes()) for file in files]
    parts += [_file(name, content) for name, content in written.items() if name != _SNAKEFILE]
    parts = [part | ({"about": {"@id": "./"}} if part["@id"] == _README else {}) for part in parts]
    used = _used(record)
    packages = [
        {
            "@id": f"#{name}", "@type": "PropertyValue", "name": name, "value": version,
        }
        for name, version in record["environment"]["packages"].items()
    ]  # fmt: skip
    commit = record["workflow"]["commit"]
    workflow = _file(_SNAKEFILE, written[_SNAKEFILE]) | {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "memorability",
        "version": record["workflow"]["version"],
        "identifier": f"git commit {commit}",
        "programmingLanguage": {"@id": "#snakemake"},
        "license": {"@id": "https://spdx.org/licenses/MIT"},
    }
    run = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"The study {results.name}",
        "description": "From images and scores to tables, figures and a report.",
        "instrument": {"@id": _SNAKEFILE},
        "object": [_to(each) for each in used],
        "result": [_to(each) for each in parts],
        "environment": [_to(each) for each in packages],
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "startTime": began,
        "endTime": ended,
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Results of the study {results.name}",
        "description": "Tables, figures and records of a study of image memorability, without its "
        "images and models. tables/methods.txt says in words what was done.",
        "datePublished": ended[:10],
        "license": {"@id": "#licence-of-results"},
        "conformsTo": [{"@id": profile} for profile in _PROFILES],
        "hasPart": [_to(workflow), *map(_to, parts)],
        "mainEntity": {"@id": _SNAKEFILE},
        "mentions": {"@id": "#run"},
    }
    about = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": [{"@id": "https://w3id.org/ro/crate/1.1"}, {"@id": _PROFILES[-1]}],
    }
    profiles = [
        {
            "@id": profile, "@type": "CreativeWork", "name": profile.rsplit("/", 2)[1],
            "version": profile.rsplit("/", 1)[1],
        }
        for profile in _PROFILES
    ]  # fmt: skip
    language = {
        "@id": "#snakemake",
        "@type": "ComputerLanguage",
        "name": "Snakemake",
        "identifier": {"@id": "https://doi.org/10.1093/bioinformatics/bts480"},
        "url": {"@id": "https://snakemake.readthedocs.io"},
        "version": record["environment"]["packages"].get("snakemake", "unknown"),
    }
    licences = [
        {
            "@id": "https://spdx.org/licenses/MIT", "@type": "CreativeWork", "name": "MIT License",
            "description": "Of the workflow.",
        },
        {
            "@id": "#licence-of-results", "@type": "CreativeWork", "name": "Licence of the results",
            "description": "The results are their authors'. Data and weights keep the licences that "
            "are named beside them.",
        },
    ]  # fmt: skip
    graph = [about, root, *profiles, workflow, language, *licences, run, *used, *packages, *parts]
    return {"@context": _CONTEXT, "@graph": graph}


def _file(name: str, content: bytes) -> dict[str, Any]:
    return {
        "@id": quote(name),
        "@type": "File",
        "name": name.rsplit("/", 1)[-1],
        "encodingFormat": _KINDS.get(Path(name).suffix, "text/plain"),
        "contentSize": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _used(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tables and weights that a study was made from, each once; none is in the archive."""
    used = {
        digest: {"name": Path(name).name, "description": "A table that was given."}
        for name, digest in record["tables"].items()
    }
    for run in record["runs"]:
        for receipt in run["receipts"]:
            if receipt["sha256"]:
                used[receipt["sha256"]] = {
                    "name": Path(receipt["source"]).name,
                    "description": f"Weights of the {receipt['model']}.",
                } | ({"license": receipt["licence"]} if receipt.get("licence") else {})
    return [
        {"@id": f"#sha256-{digest}", "@type": "CreativeWork", "identifier": digest, **facts}
        for digest, facts in used.items()
    ]


def _to(entity: Mapping[str, Any]) -> dict[str, str]:
    return {"@id": entity["@id"]}


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member
