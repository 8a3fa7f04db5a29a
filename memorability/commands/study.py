"""`memorability results`, `estimate`, `report` and `psych-ds`: what is asked about a study."""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from memorability.base.errors import InputError
from memorability.base.files import ROOT, is_checkout
from memorability.commands.shared import count


def add_study(commands: Any) -> None:
    """Add the commands to the others."""
    results: Any = commands.add_parser("results", help="print where a study writes its results")
    results.add_argument("study", type=Path, metavar="FILE", help="the study's file")
    results.set_defaults(command=_results)
    of_study = {
        "estimate": (_estimate, "say how long a study will take here, before it runs"),
        "report": (_report, "write the report of a finished study"),
    }
    for name, (command, what) in of_study.items():
        parser_of = commands.add_parser(name, help=what, description=f"{what.capitalize()}.")
        parser_of.add_argument("study", type=Path, metavar="FILE", help="the study's file")
        parser_of.add_argument("--cores", type=count, default=2, metavar="N", help="default: 2")
        parser_of.set_defaults(command=command)
    what = "write the tables of a finished study as a Psych-DS data set"
    exported: Any = commands.add_parser("psych-ds", help=what, description=f"{what.capitalize()}.")
    exported.add_argument("study", type=Path, metavar="FILE", help="the study's file")
    exported.add_argument("output", type=Path, metavar="FOLDER", help="which must not exist")
    exported.set_defaults(command=_psych_ds)


def _results(arguments: argparse.Namespace) -> int:
    """Print where a study writes its results and return the exit status."""
    from memorability.study.configuration_files import results_directory

    print(results_directory(arguments.study, _workflow()))
    return 0


def _estimate(arguments: argparse.Namespace) -> int:
    """Print what a study will take and return the exit status."""
    return _snakemake(
        arguments, "estimate", "--no-hooks", "--quiet", "progress", "rules", "host", "reason"
    )


def _report(arguments: argparse.Namespace) -> int:
    """Write the report of a finished study and return the exit status."""
    results = _finished(arguments.study)
    report = results / "report.html"
    status = _snakemake(arguments, "--report", str(report))
    if status == 0:
        print(f"The report: {report.resolve()}")
    return status


def _psych_ds(arguments: argparse.Namespace) -> int:
    """Write the tables of a finished study as Psych-DS and return the exit status."""
    import pandas as pd

    from memorability.tables.psych_ds import write_psych_ds

    results = _finished(arguments.study)
    name = results.name
    folder = results / "tables"
    # A table in parts is a folder.
    paths = [
        path for path in sorted(folder.iterdir()) if path.suffix == ".parquet" or path.is_dir()
    ]
    tables = {path.stem: pd.read_parquet(path) for path in paths}
    methods = (folder / "methods.txt").read_text(encoding="utf-8").strip()
    write_psych_ds(
        tables,
        arguments.output,
        name=name,
        description=f"Tables of the study {name} of image memorability.",
        readme=f"# {name}\n\n{methods}\n",
        described={},
    )
    print(f"{len(tables)} tables: {arguments.output}")
    return 0


def _finished(study: Path) -> Path:
    """Return where a study wrote its results."""
    from memorability.study.configuration_files import results_directory

    results = results_directory(study, _workflow())
    if not (results / "provenance.json").is_file():
        raise InputError(
            f"The study {study} is not finished: {results}/provenance.json is not there. Run "
            f"make study STUDY={study}, then this command again."
        )
    return results


def _workflow() -> Path:
    if not is_checkout():
        raise InputError(
            "The installed package has no workflow, which is in its repository: clone it, and run the "
            "command there."
        )
    return ROOT


def _snakemake(arguments: argparse.Namespace, *words: str) -> int:
    """Run Snakemake on the study that the command line names and return its exit status."""
    snakefile = _workflow() / "Snakefile"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile)]
    command += ["--cores", str(arguments.cores), *words, "--configfile", str(arguments.study)]
    return subprocess.run(command, check=False).returncode
