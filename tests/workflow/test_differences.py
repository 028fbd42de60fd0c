"""What `verify-resume` compares, and that it would see a difference."""

import json
from pathlib import Path

import pytest
import torch

from descend.errors import RunError
from descend.run import RunFolder
from descend.training import checkpoint
from descend.workflow.differences import compare_runs, same_bits


def left(path: Path, weight: float = 1.0, **more: object) -> RunFolder:
    path.mkdir()
    folder = RunFolder(path)
    tensors = {
        "modules": {"network.w": torch.tensor([weight, float("nan")])},
        "optimizers": {}, "average": {}, "recorded": {},
    }  # fmt: skip
    seconds = float(len(path.name))
    state = {"standing": {"seconds": seconds, "best": 0.5}, "source": {"epoch": 1}, **more}
    checkpoint.save(folder.checkpoints, 7, tensors, state)
    record = {"kind": "update", "step": 7, "loss": 0.25, "seconds": seconds}
    folder.evidence_file.write_text(json.dumps(record) + "\n")
    return folder


def test_wall_clock_readings_may_differ_and_nan_equals_nan(tmp_path: Path) -> None:
    found = compare_runs(left(tmp_path / "a"), left(tmp_path / "other"))
    assert found.first == ""
    assert found.counts == {"weights": 1, "records of evidence": 1}


def test_the_smallest_difference_of_a_weight_is_seen_and_named(tmp_path: Path) -> None:
    found = compare_runs(left(tmp_path / "a"), left(tmp_path / "b", weight=1.0000001))
    assert found.first.startswith("weights: network.w differs by up to")


def test_other_state_is_compared_too(tmp_path: Path) -> None:
    found = compare_runs(left(tmp_path / "a"), left(tmp_path / "b", source={"epoch": 2}))
    assert found.first == "state: source epoch is 1 in one and 2 in the other"


def test_a_record_too_many_is_seen(tmp_path: Path) -> None:
    one, other = left(tmp_path / "a"), left(tmp_path / "b")
    with other.evidence_file.open("a") as stream:
        stream.write('{"kind": "note", "step": 7, "text": "more"}\n')
    assert compare_runs(one, other).first.startswith("evidence, line 2: nothing in one")


def test_a_run_without_a_checkpoint_cannot_be_compared(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(RunError, match="has no checkpoint"):
        compare_runs(left(tmp_path / "a"), RunFolder(tmp_path / "b"))


def test_bits_tell_zero_from_minus_zero_and_a_type_from_another() -> None:
    assert not same_bits(torch.tensor(0.0), torch.tensor(-0.0))
    assert not same_bits(torch.tensor(0.0), torch.tensor(0.0, dtype=torch.float64))
    assert same_bits(torch.tensor(float("nan")), torch.tensor(float("nan")))
