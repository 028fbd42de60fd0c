"""This file is the run folder: create it, read it, write into it so that nothing is half-written.

Paths inside are relative to the folder, so a run can be moved.
"""

import errno
import json
import os
import re
import secrets
import shutil
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomli_w

from descend.errors import RunError

if sys.platform != "win32":
    import fcntl

MAKING = ".making"  # ending of a folder that is not a run yet
ABANDONED_SECONDS = 3600.0  # filling one takes milliseconds


class RunFolder:
    """The files of one run; see docs/run-folder.md for what each holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe_file = path / "recipe.toml"
        self.evidence_file = path / "evidence.jsonl"
        self.tensorboard = path / "tensorboard"
        self.checkpoints = path / "checkpoints"
        self.model = path / "model"
        self.predictions_file = path / "predictions.parquet"
        self.report_file = path / "report.html"
        self.result_file = path / "result.json"  # what `train --json` printed; absent while running

    @property
    def name(self) -> str:
        return self.path.name

    def recipe(self) -> dict[str, Any]:
        return read_toml(self.recipe_file)

    def write_recipe(self, recipe: Mapping[str, Any]) -> None:
        write_text(self.recipe_file, tomli_w.dumps(_without_none(recipe)))


def create(
    root: Path,
    name: str,
    fill: Callable[[RunFolder], None] = lambda folder: None,
    *,
    exact: bool = False,
) -> RunFolder:
    """Make runs/<name>-<number> with the first free number, and what `fill` writes inside.

    `exact` is for a name that somebody gave: runs/<name> when it is free, else from -2 on. The
    folder appears whole or not at all. RunError when it can't be written.
    """
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"
    beside = root / f".{slug}.{secrets.token_hex(4)}{MAKING}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(root)
        beside.mkdir()
        fill(RunFolder(beside))
        folder = RunFolder(_moved_to_free_number(beside, root, slug, exact))
        sync_folder(root)
        return folder
    except OSError as error:
        raise RunError(
            f"cannot make a run folder in {root}: {error.strerror}; choose another with --runs"
        ) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _remove_abandoned(root: Path) -> None:
    """What processes left that were killed while they made a run folder."""
    for path in root.glob(f".*{MAKING}"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(path)


def _moved_to_free_number(beside: Path, root: Path, slug: str, exact: bool) -> Path:
    for number in range(1, 1_000_000):
        path = root / (slug if exact and number == 1 else f"{slug}-{number}")
        if not os.path.lexists(path):
            try:
                return beside.rename(path)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # another was faster
                    raise
    raise RunError(f"no free number for {slug} in {root}")


def open_run(path: Path | str) -> RunFolder:
    """An existing run folder. RunError says what is missing."""
    path = Path(path)
    if not path.exists():
        raise RunError(f"no such run folder: {path}; `descend runs` lists them")
    if not (path / "recipe.toml").is_file():
        raise RunError(f"{path} is not a run folder: it has no recipe.toml")
    return RunFolder(path.resolve())


@contextmanager
def alone_in(folder: RunFolder) -> Iterator[None]:
    """Within, no other process trains in this folder. RunError when one does, or on no rights."""
    try:
        lock = os.open(folder.path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise RunError(f"cannot write in {folder.path}: {error.strerror}") from None
    try:
        if not _is_locked(lock):
            raise RunError(
                f"process {os.read(lock, 20).decode().strip() or '?'} is training in "
                f"{folder.path}; wait until it ends, or stop it"
            )
        with suppress(OSError):  # on a full disk the number is missing, no more
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _is_locked(lock: int) -> bool:
    """Whether this process has the lock now; the system takes it back from a killed one."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)  # else: no locks on this disk
    return True


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path} is not valid TOML: {error}") from None


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from None


def write_json(path: Path, value: Any) -> None:
    write_text(path, encode_json(value))


def encode_json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file whole: written beside, fsynced, renamed. RunError when the disk refuses."""
    beside = path.with_name(f".{path.name}.tmp")
    try:
        write_through(beside, content)
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise RunError(f"cannot write {path}: {error.strerror}") from None


def write_through(path: Path, content: bytes) -> None:
    """Write a file to the disk itself; a kill or a full disk may leave a part of it."""
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(path: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_without_none(v) for v in value]
    return value
