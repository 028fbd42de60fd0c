"""A user proves on a run of their own that killing and resuming changes nothing."""

import json
from pathlib import Path

import pytest

from descend.errors import RunError, SettingError
from descend.workflow.verify_resume import verify_resume
from tests.crash.killing import WarmParent, only_run
from tests.crash.test_killed import IMAGES, PLAIN


@pytest.fixture(scope="module")
def run(parent: WarmParent, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    parent.run("train", images, *IMAGES, *PLAIN, "--stop-after", "5", "--runs", runs)
    return only_run(runs)


@pytest.mark.slow
def test_the_verb_kills_its_own_processes_and_finds_no_difference(
    parent: WarmParent, run: Path
) -> None:
    before = sorted((p, p.stat().st_mtime_ns) for p in run.rglob("*"))
    said = parent.run("verify-resume", run, "--steps", "100", "--kills", "2", "--json")
    result = json.loads(said.splitlines()[-1])
    assert result["equal"] and result["kills"] == 2 == len(result["killed_at"])
    assert result["steps"] == 100 and result["compared"]["weights"] > 0
    assert sorted((p, p.stat().st_mtime_ns) for p in run.rglob("*")) == before


def test_what_cannot_be_verified_is_said_in_one_line(run: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="more than 3 steps"):
        verify_resume(run, steps=3)
    with pytest.raises(SettingError, match="at least 1"):
        verify_resume(run, kills=0)
    with pytest.raises(RunError, match="no such run folder"):
        verify_resume(tmp_path / "nowhere")


@pytest.mark.slow
def test_a_stretch_that_cannot_be_trained_says_why(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"could not be trained.*nowhere"):
        verify_resume(run, data=tmp_path / "nowhere")
