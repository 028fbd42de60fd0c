"""A checkpoint is whole or named as damaged; nothing that is read can run code."""

from pathlib import Path
from typing import Any

import pytest
import torch

from descend.errors import RunError
from descend.training import checkpoint


def saved(folder: Path, step: int) -> Path:
    return checkpoint.save(
        folder, step, {"modules": {"w": torch.full((3,), float(step))}}, {"at": step}
    )


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 5, 12):
        saved(tmp_path, step)
    assert checkpoint.steps(tmp_path) == [5, 12]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-000000005", "step-000000012"]


def damage_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def damage_flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["modules.safetensors", "state.json", "checksums.json"])
@pytest.mark.parametrize("damage", [damage_truncate, damage_flip, Path.unlink])
def test_a_damaged_file_is_named_and_the_checkpoint_before_used(
    name: str, damage: Any, tmp_path: Path
) -> None:
    saved(tmp_path, 1)
    damage(saved(tmp_path, 2) / name)
    said: list[str] = []
    found = checkpoint.load_latest(tmp_path, said.append)
    assert found is not None and found.step == 1 and found.state == {"at": 1}
    assert len(said) == 1 and name in said[0] and "falling back" in said[0]


def test_without_any_whole_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert checkpoint.load_latest(tmp_path / "nowhere", print) is None


def test_a_refused_write_leaves_the_last_checkpoint_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path, 1)

    def full(*anything: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(RunError, match=r"No space left on device.*intact"):
        saved(tmp_path, 2)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["step-000000001"]
    found = checkpoint.load_latest(tmp_path, print)
    assert found is not None and found.step == 1


def test_nested_state_survives_flattening() -> None:
    state = {
        0: {"step": torch.tensor(3.0), "dirs": [torch.ones(2), None], "pair": (1, "a")},
        "lr": 0.1,
    }
    tensors: dict[str, torch.Tensor] = {}
    back = checkpoint.unflatten(checkpoint.flatten(state, "p", tensors), tensors)
    assert back[0]["pair"] == (1, "a") and back["lr"] == 0.1 and back[0]["dirs"][1] is None
    assert torch.equal(back[0]["dirs"][0], torch.ones(2))
