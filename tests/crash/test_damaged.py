"""A damaged run folder names the damage, goes on from what is whole, and ends bit-equal."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from descend.training import checkpoint
from tests.crash.killing import (
    ALWAYS,
    Case,
    WarmParent,
    assert_equal_checkpoints,
    assert_equal_runs,
    only_run,
)
from tests.crash.test_killed import EVALUATION, IMAGES, PLAIN

FILES = (
    "modules.safetensors",
    "optimizers.safetensors",
    "recorded.safetensors",
    "average.safetensors",
    "state.json",
    "checksums.json",
)


class Stopped(NamedTuple):
    """A run that has come to step 40, and the same one at step 60."""

    run: Path
    whole: Path
    parent: WarmParent


@pytest.fixture(scope="module")
def stopped(parent: WarmParent, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    place = tmp_path_factory.mktemp("stopped")
    words = ("train", images, *IMAGES, *PLAIN, "--ema", "0.4", "--checkpoint-minutes", ALWAYS)
    for name, last in (("run", 40), ("whole", 60)):
        parent.run(*words, "--stop-after", str(last), "--runs", place / name, "--quiet")
    return Stopped(only_run(place / "run"), only_run(place / "whole"), parent)


@pytest.fixture
def case(stopped: Stopped, place: Path) -> Case:
    """A copy that may be damaged."""
    shutil.copytree(stopped.run, place / "killed" / stopped.run.name)
    return Case(stopped.parent, place, (), ("--stop-after", "60"))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def flip(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 4
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "truncated": truncate,
    "flipped": flip,
    "missing": Path.unlink,
    "empty": empty,
}
BY_DEFAULT = {("modules.safetensors", "flipped"), ("state.json", "truncated")}


def checkpoints(run: Path) -> list[Path]:
    found = [run / "checkpoints" / f"step-{n:09d}" for n in checkpoint.steps(run / "checkpoints")]
    assert len(found) == 2
    return found


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        pytest.param(file, damage, marks=() if (file, damage) in BY_DEFAULT else pytest.mark.slow)
        for file in FILES
        for damage in DAMAGES
    ],
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_leads_to_the_same_end(
    file: str, damage: str, case: Case, stopped: Stopped
) -> None:
    before, newest = checkpoints(case.killed)
    DAMAGES[damage](newest / file)
    said = case.resume_to_the_end()
    assert f"{newest.name}/{file}" in said and "falling back to the one before" in said
    assert f"going on at step {int(before.name[5:])} " in said
    assert_equal_runs(stopped.whole, case.killed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_a_bit_flipped_anywhere_is_found(seed: int, case: Case, stopped: Stopped) -> None:
    chosen = random.Random(seed)
    newest = checkpoints(case.killed)[1]
    file = newest / chosen.choice(FILES)
    flip(file, chosen.random())
    said = case.resume_to_the_end()
    harmless = file.name == "checksums.json" and "falling back" not in said  # a bit of white space
    assert harmless or (file.name in said and "falling back" in said)
    assert_equal_runs(stopped.whole, case.killed)


@pytest.mark.slow
def test_a_missing_checkpoint_folder_leaves_the_one_before(case: Case, stopped: Stopped) -> None:
    before, newest = checkpoints(case.killed)
    shutil.rmtree(newest)
    assert f"going on at step {int(before.name[5:])} " in case.resume_to_the_end()
    assert_equal_runs(stopped.whole, case.killed)


def test_with_all_checkpoints_damaged_the_run_restarts_from_its_recipe_and_says_so(
    case: Case,
    stopped: Stopped,
) -> None:
    for path in checkpoints(case.killed):
        flip(path / "optimizers.safetensors")
    said = case.resume_to_the_end()
    assert said.count("is damaged") == 2 and "starting again from the recipe" in said
    assert_equal_runs(stopped.whole, case.killed)
    assert len(checkpoints(case.killed)) == 2


@pytest.mark.slow
def test_a_restart_beside_damaged_checkpoints_keeps_its_own(case: Case, stopped: Stopped) -> None:
    for path in checkpoints(case.killed):
        truncate(path / "state.json")
    case.kill_at_pause(case.resume(pause=case.pausing_at(EVALUATION, call=4)))
    assert 5 < case.kills[0] < 40  # later damaged ones are still there
    assert "going on at step" in case.resume_to_the_end()
    assert_equal_runs(stopped.whole, case.killed)


def replace_by_pickle(path: Path) -> None:
    path.write_bytes(b"\x80\x04cos\nsystem\n")


MODEL_DAMAGES = {**DAMAGES, "a pickle": replace_by_pickle}


@pytest.mark.slow
@pytest.mark.parametrize("damage", MODEL_DAMAGES)
def test_a_lost_best_model_is_named_and_made_again(
    damage: str, case: Case, stopped: Stopped
) -> None:
    MODEL_DAMAGES[damage](case.killed / "model" / "weights.safetensors")
    said = case.resume_to_the_end()
    assert "weights.safetensors" in said and "starting again from the recipe" in said
    assert_equal_runs(stopped.whole, case.killed)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncated", "missing", "empty"])
def test_lost_evidence_is_said_and_the_training_stays_exact(
    damage: str, case: Case, stopped: Stopped
) -> None:
    DAMAGES[damage](case.killed / "evidence.jsonl")
    assert "evidence.jsonl is shorter" in case.resume_to_the_end()
    assert_equal_checkpoints(stopped.whole, case.killed)
    assert b"\0" not in (case.killed / "evidence.jsonl").read_bytes()


@pytest.mark.slow
def test_a_damaged_line_of_evidence_hides_no_other(case: Case, stopped: Stopped) -> None:
    flip(case.killed / "evidence.jsonl", 0.001)
    for path in checkpoints(case.killed):
        flip(path / "state.json")
    case.resume_to_the_end()
    assert_equal_runs(stopped.whole, case.killed)


@pytest.mark.slow
def test_a_damaged_card_of_the_model_is_written_again(case: Case, stopped: Stopped) -> None:
    truncate(case.killed / "model" / "model.json")
    case.resume_to_the_end()
    cards = [(run / "model" / "model.json").read_bytes() for run in (stopped.whole, case.killed)]
    assert cards[0] == cards[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model/model.json", "tensorboard", ".lock"])
def test_what_can_be_made_again_is_made_again(name: str, case: Case, stopped: Stopped) -> None:
    path = case.killed / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    case.resume_to_the_end()
    assert_equal_checkpoints(stopped.whole, case.killed)
    assert path.exists()
