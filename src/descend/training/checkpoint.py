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
from descend.run import encode_json, read_json, sync_folder, write_through

CHECKSUMS = "checksums.json"
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
        _write_json(beside / "state.json", dict(state))
        _write_json(beside / CHECKSUMS, _sealed({p.name: _sha256(p) for p in beside.iterdir()}))
        sync_folder(beside)
        if final.exists():  # damaged, and made again after a resume from the one before
            shutil.rmtree(final)
        beside.rename(final)
        sync_folder(folder)
    except (OSError, RunError) as error:
        shutil.rmtree(beside, ignore_errors=True)
        reason = getattr(error, "strerror", None) or error
        rest = "the last one is intact" if steps(folder) else "there is none before it"
        raise RunError(
            f"cannot save a checkpoint in {folder}: {reason}; {rest}, free some space and resume"
        ) from None
    _prune(folder, step)
    return final


def _prune(folder: Path, newest: int) -> None:
    """Keep the last ones up to `newest`. Later ones were found damaged, or it would not be."""
    found = steps(folder)
    kept = [step for step in found if step <= newest][-KEPT:]
    for step in found:
        if step not in kept:
            shutil.rmtree(folder / f"step-{step:09d}", ignore_errors=True)


def _write_json(path: Path, value: Any) -> None:
    write_through(path, encode_json(value).encode())


def steps(folder: Path) -> list[int]:
    """The steps of the checkpoints that are there, oldest first."""
    names = [path.name for path in folder.glob("step-*")] if folder.is_dir() else []
    numbers = [name.removeprefix("step-") for name in names]
    return sorted(int(number) for number in numbers if number.isdecimal())


def load_latest(folder: Path, say: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint that is whole; None when there is none. Damaged ones are named."""
    found = steps(folder)
    for i, step in reversed(list(enumerate(found))):
        try:
            return load(folder / f"step-{step:09d}")
        except RunError as error:
            then = "falling back to the one before" if i else "no other checkpoint is left"
            say(f"{error}; {then}")
    return None


def load(path: Path) -> Checkpoint:
    """Read one checkpoint folder. RunError names the file that is missing or changed."""
    checksums = _unsealed(path / CHECKSUMS)
    for name, expected in checksums.items():
        file = path / name
        try:
            found = _sha256(file)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            what = "is missing" if missing else f"cannot be read: {error.strerror}"
            raise RunError(f"checkpoint file {file} {what}") from None
        if found != expected:
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
    except (OSError, SafetensorError) as error:  # the latter is how the library says "disk full"
        path.unlink(missing_ok=True)
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


def _sealed(digests: Mapping[str, str]) -> dict[str, Any]:
    """The checksums with a checksum of their own, so that damage to this file is named too."""
    return {"files": dict(sorted(digests.items())), "sha256": _digest_of(digests)}


def _unsealed(path: Path) -> dict[str, str]:
    content = read_json(path)
    try:
        files: dict[str, str] = content["files"]
        whole = content["sha256"] == _digest_of(files)
    except (KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise RunError(f"checkpoint file {path} is damaged (checksum differs)")
    return files


def _digest_of(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
