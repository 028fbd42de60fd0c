"""This file gives the tests their ground: few threads, the shared data, and a count of what is
skipped without it.
"""

import os
from pathlib import Path

# Before torch is imported anywhere, and for the processes that tests start: pytest runs several
# workers, and a network of a test is too small to gain from threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import pytest

DATA = "DESCEND_SHARED_DATA"


@pytest.fixture(scope="session")
def shared_data(pytestconfig: pytest.Config) -> Path:
    """The folder of real data sets; a test that asks for it is skipped where it is absent."""
    path = Path(os.environ.get(DATA) or pytestconfig.rootpath.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"no shared data at {path}; set {DATA} to its folder")
    return path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [r for r in terminalreporter.stats.get("skipped", []) if "shared" in r.keywords]
    if skipped:
        terminalreporter.write_line(
            f"{len(skipped)} tests on shared data were skipped; {DATA} names its folder"
        )
