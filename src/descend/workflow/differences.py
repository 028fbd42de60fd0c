"""This file compares what two trainings left, bit by bit; only wall-clock readings may differ."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from descend.errors import RunError
from descend.run import RunFolder
from descend.training import checkpoint
from descend.workflow.model_folder import read_weights

CHECKPOINTED = {
    "modules": "weights",
    "optimizers": "tensors of optimizer state",
    "average": "averaged weights",
    "recorded": "sums of the loss",
}  # group of a checkpoint's tensors -> what a person calls it
# Of the state that is no tensor. The length of the evidence counts the digits of wall-clock times.
NOT_COMPARED = frozenset({"seconds", "evidence_bytes"})


@dataclass(frozen=True)
class Compared:
    """How many of what were compared, and the first that differs ("" when none does)."""

    counts: dict[str, int]
    first: str


def compare_runs(one: RunFolder, other: RunFolder) -> Compared:
    """Newest checkpoints, kept models and evidence. RunError when there is nothing to compare."""
    first, second = _newest(one), _newest(other)
    counts: dict[str, int] = {}
    found: list[str] = []
    if first.step != second.step:
        found.append(f"one came to step {first.step}, the other to {second.step}")
    for group, name in CHECKPOINTED.items():
        mine, others = first.tensors[group], second.tensors[group]
        counts[name] = len(mine)
        found += _tensors_apart(name, mine, others)
    found += _state_apart("", first.state, second.state)
    kept = [_kept_weights(folder) for folder in (one, other)]
    counts["weights of the kept model"] = len(kept[0])
    found += _tensors_apart("weights of the kept model", kept[0], kept[1])
    lines = [list(_evidence(folder)) for folder in (one, other)]
    counts["records of evidence"] = len(lines[0])
    found += _records_apart(lines[0], lines[1])
    return Compared({k: n for k, n in counts.items() if n}, found[0] if found else "")


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Equal type, shape and bits, NaN included."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    pair = [t.detach().cpu().contiguous().reshape(-1).view(torch.uint8) for t in (one, other)]
    return torch.equal(*pair)


def _newest(folder: RunFolder) -> checkpoint.Checkpoint:
    said: list[str] = []
    found = checkpoint.load_latest(folder.checkpoints, said.append)
    if found is None or said:
        raise RunError(said[0] if said else f"{folder.path} has no checkpoint")
    return found


def _kept_weights(folder: RunFolder) -> dict[str, Tensor]:
    if not (folder.model / "weights.safetensors").is_file():
        return {}  # no evaluation within the stretch
    return read_weights(folder)[0]


def _tensors_apart(
    name: str, one: Mapping[str, Tensor], other: Mapping[str, Tensor]
) -> Iterator[str]:
    for key in sorted({*one, *other}):
        if key not in one or key not in other:
            yield f"{name}: only one has {key}"
        elif not same_bits(one[key], other[key]):
            yield f"{name}: {key} differs{_by_how_much(one[key], other[key])}"


def _by_how_much(one: Tensor, other: Tensor) -> str:
    if one.shape != other.shape or not one.is_floating_point():
        return ""
    return f" by up to {float((one.double() - other.double()).abs().max()):.3g}"


def _state_apart(at: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other} - NOT_COMPARED):
            yield from _state_apart(f"{at} {key}", one.get(key), other.get(key))
    elif json.dumps(one) != json.dumps(other):
        yield f"state:{at} is {one} in one and {other} in the other"


def _evidence(folder: RunFolder) -> Iterator[dict[str, Any]]:
    for line in folder.evidence_file.read_bytes().split(b"\n")[:-1]:
        record = json.loads(line)
        yield {k: v for k, v in record.items() if not _is_wall_clock(k)}


def _is_wall_clock(field: str) -> bool:
    return field.startswith("seconds") or field.endswith("_per_second")


def _records_apart(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> Iterator[str]:
    for number, (mine, others) in enumerate(zip_longest(one, other), start=1):
        if json.dumps(mine) != json.dumps(others):
            yield f"evidence, line {number}: {_short(mine)} in one, {_short(others)} in the other"


def _short(record: dict[str, Any] | None) -> str:
    if record is None:
        return "nothing"
    text = json.dumps(record)
    return text if len(text) <= 120 else text[:117] + "…"
