"""The study of stubs: as many runs as it says, and nothing of the workflow changed but what they do."""

import filecmp
import math
from pathlib import Path

import yaml

from benchmarks.bench_scheduling import JOBS, ROOT, RUNS, with_stubs, write_study


def test_only_the_work_of_a_run_is_a_stub(tmp_path: Path) -> None:
    project = with_stubs(tmp_path)
    _, differing, missing = filecmp.cmpfiles(
        ROOT / "rules", project / "rules", [path.name for path in ROOT.glob("rules/*.smk")]
    )
    assert (differing, missing) == (["finetune.smk"], [])
    shipped, stubs = ((place / "rules" / "finetune.smk").read_text() for place in (ROOT, project))
    assert "scripts/finetune.py" in shipped
    assert "scripts/finetune.py" not in stubs
    assert stubs.count("shell:") == 1


def test_the_study_has_as_many_runs_as_it_says(tmp_path: Path) -> None:
    write_study(tmp_path)
    study = yaml.safe_load((tmp_path / "study.yaml").read_text())
    assert math.prod(len(study[key]) for key in RUNS) == JOBS
    assert len(set(map(float, study["learning_rates"]))) == 10
    assert study["selected"]["learning_rate"] in study["learning_rates"]
