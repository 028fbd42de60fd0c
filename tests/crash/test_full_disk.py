"""A disk that runs full stops the run with one clear line, and nothing that was saved is lost."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from descend import evidence
from tests.crash.killing import (
    ALWAYS,
    Case,
    WarmParent,
    assert_equal_runs,
    checkpoints_are_whole,
    refused,
)
from tests.crash.test_killed import EVALUATION, IMAGES, PLAIN, TABLE

MEGABYTES = 24  # room for a run of these tests, and little to fill


def mounted(*words: object) -> bool:
    return subprocess.run([*map(str, words)], capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, small enough to be filled."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or not mounted(
        "mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", place
    ):
        pytest.skip("only root may mount the small disk that this fills")
    yield place
    mounted("umount", "--lazy", place)


def fill(disk: Path) -> Path:
    """Leave not a byte."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as stream:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while stream.write(b"\0" * size):
                    pass
    with pytest.raises(OSError) as full:
        (disk / "more").write_bytes(b"more")
    assert full.value.errno == errno.ENOSPC
    (disk / "more").unlink(missing_ok=True)
    return filler


def image_case(parent: WarmParent, disk: Path, images: Path) -> Case:
    words = (images, *IMAGES, *PLAIN, "--ema", "0.3", "--checkpoint-minutes", ALWAYS)
    return Case(parent, disk, words, ("--stop-after", "40"))


WRITES = {
    "a checkpoint": ("descend.training.checkpoint:save", 6),
    "a checkpoint's second file": ("descend.training.checkpoint:save_tensors", 22),
    "a checkpoint's state": ("descend.training.checkpoint:_write_json", 11),
    "the best model": ("descend.workflow.model_folder:save_tensors", 3),
    "the evidence": (EVALUATION, 5),
    "the first checkpoint": ("descend.training.checkpoint:save", 1),
}
BY_DEFAULT = ("a checkpoint's second file", "the evidence")


@pytest.mark.parametrize(
    "what",
    [pytest.param(what, marks=() if what in BY_DEFAULT else pytest.mark.slow) for what in WRITES],
)
def test_a_disk_that_runs_full_during_a_write_loses_nothing_that_was_saved(
    what: str, parent: WarmParent, disk: Path, tmp_path: Path, images: Path
) -> None:
    case = image_case(parent, disk, images)
    whole = case.train_whole()
    place, call = WRITES[what]
    marker = tmp_path / "marker"  # not on the disk that is full
    child = case.start(pause={"place": place, "call": call, "marker": str(marker)})
    while not marker.exists():
        assert not child.ended, child.said
    filler = fill(disk)
    marker.unlink()
    said = refused(child)
    assert "No space left on device" in said and str(case.killed) in said and "resume" in said
    assert checkpoints_are_whole(case.killed)
    assert not list(case.killed.rglob("*.tmp"))
    records = evidence.read(case.killed / "evidence.jsonl")
    assert [r.step for r in records] == sorted(r.step for r in records)
    said = case.resume_refused()  # still full
    assert "No space left on device" in said
    filler.unlink()
    case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["write_predictions", "write_json", "write_report"])
def test_a_disk_that_is_full_at_the_end_can_be_freed_and_the_end_made(
    place: str, parent: WarmParent, disk: Path, tmp_path: Path, table: Path
) -> None:
    case = Case(parent, disk, (table, *TABLE, "--budget", "40 steps"), ())
    whole = case.train_whole()
    marker = tmp_path / "marker"
    child = case.start(pause={"place": f"descend.workflow.finish:{place}", "marker": str(marker)})
    while not marker.exists():
        assert not child.ended, child.said
    filler = fill(disk)
    marker.unlink()
    assert "No space left on device" in refused(child)
    filler.unlink()
    case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


def test_on_a_full_disk_a_training_leaves_no_half_made_run_folder(
    parent: WarmParent, disk: Path, images: Path
) -> None:
    (disk / "runs").mkdir()
    filler = fill(disk)
    said = refused(parent.start("train", images, *IMAGES, *PLAIN, "--runs", disk / "runs"))
    assert "No space left on device" in said
    filler.unlink()
    assert not list((disk / "runs").iterdir())


def test_a_file_that_may_not_grow_is_one_clear_line(
    parent: WarmParent, place: Path, images: Path
) -> None:
    """As on a full disk, for those who may not mount one."""
    case = image_case(parent, place, images)
    whole = case.train_whole()
    child = case.start(file_limit=100_000)  # the weights need more
    said = refused(child)
    assert "File too large" in said and "resume" in said
    assert not list(case.killed.rglob("*.tmp"))
    case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


@pytest.mark.slow
def test_a_run_folder_that_can_only_be_read_predicts_and_does_not_train(
    parent: WarmParent, disk: Path, images: Path
) -> None:
    case = image_case(parent, disk, images)
    whole = case.train_whole()
    shutil.copytree(whole, disk / "killed" / whole.name)
    assert mounted("mount", "-o", "remount,ro", disk)
    assert "Read-only file system" in case.resume_refused()
    assert "Read-only file system" in refused(case.start())
    picture = next(images.glob("*/*.png"))
    assert "kind-" in parent.run("predict", case.killed, picture)
    parent.run("runs", "list", disk / "killed")
