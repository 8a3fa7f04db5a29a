"""Which tests run beside each other, and on how many threads.

pytest-xdist 3.8 names groups in the node ids of tests, which pytest from 9.2 on leaves as they are:
there every process would make each shared study for itself.
"""

import os

import pytest

# Each test process has one core: on more threads than cores, small networks take 100 times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares fixtures in one process, where they are made once: a file, the tiny study."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            study = "tiny_run" in getattr(item, "fixturenames", ())
            item.add_marker(pytest.mark.xdist_group("tiny_run" if study else item.path.name))
