"""Large studies are planned in seconds and little memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

# Time of the processor, of which other work on the machine takes nothing, and memory.
MEASURE = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
found = {"seconds": used.ru_utime + used.ru_stime, "megabytes": used.ru_maxrss * 1024 / 1e6}
print(json.dumps(found | {"status": done.returncode, "said": done.stderr[-2000:]}))
"""


@pytest.mark.parametrize("study", ["config.yaml", "studies/lamem.yaml"])
def test_a_large_study_is_planned_within_half_a_minute_and_a_gigabyte(
    pristine: Path, environment: dict[str, str], tmp_path: Path, study: str
) -> None:
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "2", "--quiet", "all"]
    command += ["--snakefile", str(pristine / "Snakefile"), "--configfile", str(pristine / study)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *command],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["status"] == 0, found["said"]
    assert found["seconds"] < 30
    assert found["megabytes"] < 1000
