"""This file writes and reads checkpoints: safetensors and JSON, checksummed, all or nothing.

A checkpoint is a folder `step-00000123` with one .safetensors file per group of tensors,
state.json (everything that is not a tensor) and checksums.json. It is written beside, every file
fsynced, then renamed; the last two are kept. Reading starts with the newest; a damaged one is named
and the one before is used.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from descend.errors import RunError
from descend.run import read_json, sync_folder, write_json

KEPT = 2  # checkpoints that stay; one may be damaged, the other still serves


@dataclass(frozen=True)
class Checkpoint:
    """What one checkpoint folder holds."""

    step: int
    tensors: dict[str, dict[str, Tensor]]
    state: dict[str, Any]


def save(
    folder: Path, step: int, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]
) -> Path:
    """Write one checkpoint. RunError when the disk refuses; earlier checkpoints stay intact."""
    final = folder / f"step-{step:09d}"
    beside = folder / f".step-{step:09d}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for torn in folder.glob(".step-*.tmp"):  # left by a killed process
            shutil.rmtree(torn)
        beside.mkdir()
        for name, group in tensors.items():
            save_tensors(beside / f"{name}.safetensors", group)
        write_json(beside / "state.json", dict(state))
        write_json(
            beside / "checksums.json", {p.name: _sha256(p) for p in sorted(beside.iterdir())}
        )
        sync_folder(beside)
        if final.exists():  # the same step saved again after a resume
            shutil.rmtree(final)
        beside.rename(final)
        sync_folder(folder)
    except (OSError, RunError) as error:
        shutil.rmtree(beside, ignore_errors=True)
        reason = getattr(error, "strerror", None) or error
        raise RunError(
            f"cannot save a checkpoint in {folder}: {reason}; "
            "the last one is intact, free some space and resume"
        ) from None
    for old in steps(folder)[:-KEPT]:
        shutil.rmtree(folder / f"step-{old:09d}", ignore_errors=True)
    return final


def steps(folder: Path) -> list[int]:
    """The steps of the checkpoints that are there, oldest first."""
    names = [path.name for path in folder.glob("step-*")] if folder.is_dir() else []
    numbers = [name.removeprefix("step-") for name in names]
    return sorted(int(number) for number in numbers if number.isdecimal())


def load_latest(folder: Path, say: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint that is whole; None when there is none. Damaged ones are named."""
    for step in reversed(steps(folder)):
        path = folder / f"step-{step:09d}"
        try:
            return load(path)
        except RunError as error:
            say(f"{error}; falling back to the one before")
    return None


def load(path: Path) -> Checkpoint:
    """Read one checkpoint folder. RunError names the file that is missing or changed."""
    checksums = read_json(path / "checksums.json")
    for name, expected in checksums.items():
        file = path / name
        if not file.is_file():
            raise RunError(f"checkpoint file {file} is missing")
        if _sha256(file) != expected:
            raise RunError(f"checkpoint file {file} is damaged (checksum differs)")
    tensors = {
        name.removesuffix(".safetensors"): load_tensors(path / name)
        for name in checksums
        if name.endswith(".safetensors")
    }
    state = read_json(path / "state.json")
    return Checkpoint(int(path.name.removeprefix("step-")), tensors, state)


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write tensors durably; tied or strided ones are stored as plain copies."""
    plain = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    try:
        save_file(plain, path, metadata=metadata)
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
    except SafetensorError as error:  # the library's only way to report a full disk
        raise RunError(f"cannot write {path}: {error}") from None


def load_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise RunError(f"cannot read {path}: {error}") from None


def flatten(value: Any, prefix: str, tensors: dict[str, Tensor]) -> Any:
    """Replace the tensors in nested state by their names in `tensors`, giving plain JSON."""
    if isinstance(value, Tensor):
        tensors[prefix] = value
        return {"tensor": prefix}
    if isinstance(value, Mapping):
        items = [[k, flatten(v, f"{prefix}.{k}", tensors)] for k, v in value.items()]
        return {"items": items}  # a list of pairs: JSON objects would turn number keys into text
    if isinstance(value, list | tuple):
        return {
            "list": [flatten(v, f"{prefix}.{i}", tensors) for i, v in enumerate(value)],
            "tuple": isinstance(value, tuple),
        }
    assert value is None or isinstance(value, bool | int | float | str), type(value)
    return {"value": value}


def unflatten(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `flatten`."""
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "items" in value:
        return {key: unflatten(v, tensors) for key, v in value["items"]}
    if "list" in value:
        found = [unflatten(v, tensors) for v in value["list"]]
        return tuple(found) if value["tuple"] else found
    return value["value"]


def like(value: Tensor, example: Tensor) -> Tensor:
    """`value` with the device and strides of `example`, so that arithmetic repeats to the bit."""
    if value.shape != example.shape:
        return value
    return torch.empty_like(example, dtype=value.dtype).copy_(value)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
