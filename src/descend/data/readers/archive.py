"""This file reads what a zip or tar holds, unpacked into a folder that is removed again.

Only regular files are unpacked, only below that folder, and never more than fits on the disk.
"""

import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from descend.data.data_settings import DataSettings
from descend.data.examples import ImageSet, Issue, TableSet
from descend.data.readers.folder import walk
from descend.data.reading import choose_reader, read_with
from descend.errors import DataError

KIND: Literal["images", "table"] = "images"
_CHUNK = 1 << 20  # bytes copied at once
_FREE_SHARE = 0.9  # of the free disk that an archive may fill
_BOMB_RATIO = 200  # unpacked over packed bytes; text reaches some tens, images about one
_BOMB_BYTES = 1 << 30  # smaller ones are let through whatever their ratio
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError,
           NotImplementedError)  # fmt: skip
Member = tuple[str, IO[bytes] | None]  # name, content; None for what is no regular file


def recognizes(path: Path) -> str:
    if not path.is_file() or path.stat().st_size == 0:
        return ""
    if _is_zip(path):
        return "a zip archive"
    return "a tar archive" if _is_tar(path) else ""


def read(path: Path, settings: DataSettings, seed: int) -> ImageSet | TableSet:
    with unpacked(path) as (inner, issues):
        examples = read_with(choose_reader(inner)[1], inner, settings, seed)
    found = (f"unpacked from {path.name}", *examples.found)
    # Its first sentence counts the examples, so it stays in front.
    found = (examples.found[0], found[0], *examples.found[1:])
    return replace(examples, found=found, issues=(*issues, *examples.issues))


@contextmanager
def unpacked(path: Path) -> Iterator[tuple[Path, list[Issue]]]:
    """What an archive holds, as a folder or its only file, and what was not unpacked.

    It is gone again when the block ends. A DataError of the block names the archive.
    """
    with tempfile.TemporaryDirectory(prefix="descend-") as folder:
        root = Path(folder) / path.name.partition(".")[0]
        root.mkdir()
        issues = _unpack(path, root)
        try:
            yield _inner(path, root), issues
        except DataError as error:
            raise DataError(str(error).replace(str(root), str(path))) from None


def _inner(path: Path, root: Path) -> Path:
    """The folder, or the only file in it."""
    files = [file for _, file in walk(root)]
    if not files:
        raise DataError(f"{path}: the archive is empty")
    return files[0] if len(files) == 1 else _only_folder(root)


def _only_folder(root: Path) -> Path:
    """The folder that holds more than one thing: readers of files look into it alone."""
    entries = [entry for entry in root.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    return _only_folder(entries[0]) if len(entries) == 1 and entries[0].is_dir() else root


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        if stream.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return True  # a damaged one: reading it says so
    arrays = bool(names) and all(name.endswith(".npy") for name in names)
    return not arrays and "[Content_Types].xml" not in names  # an .npz, an office document


def _is_tar(path: Path) -> bool:
    try:
        with tarfile.open(path) as archive:
            return archive.next() is not None
    except (OSError, *_DAMAGE):
        return ".tar" in path.suffixes or path.suffix in (".tgz", ".tbz2", ".txz")


def _unpack(path: Path, root: Path) -> list[Issue]:
    issues = []
    room = int(shutil.disk_usage(root).free * _FREE_SHARE)
    packed = path.stat().st_size
    written = 0
    try:
        for name, content in _members(path):
            place = _safe(path, root, name)
            if content is None:
                issues.append(Issue("set-aside", name, "is a link or device; left out", True))
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as stream:
                while chunk := content.read(_CHUNK):
                    written += len(chunk)
                    _check_size(path, written, packed, room)
                    stream.write(chunk)
    except _DAMAGE as error:
        raise DataError(f"{path}: the archive is damaged or encrypted: {error}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be unpacked: {error.strerror or error}") from None
    return issues


def _check_size(path: Path, written: int, packed: int, room: int) -> None:
    if written > room:
        raise DataError(f"{path}: unpacked it would fill the disk of {tempfile.gettempdir()}")
    if written > _BOMB_BYTES and written > _BOMB_RATIO * packed:
        raise DataError(f"{path}: refused: it unpacks to over {_BOMB_RATIO} times its size")


def _members(path: Path) -> Iterator[Member]:
    if _is_zip(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.is_dir():
                    continue
                if (info.external_attr >> 16) & 0o170000 == 0o120000:  # a symbolic link
                    yield info.filename, None
                    continue
                with archive.open(info) as content:
                    yield info.filename, content
        return
    with tarfile.open(path) as tar:
        for member in tar:
            if not member.isdir():
                yield member.name, tar.extractfile(member) if member.isreg() else None


def _safe(path: Path, root: Path, name: str) -> Path:
    """Where a member goes, always below the root. DataError for a name that would lead outside."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0] or "\0" in name:
        raise DataError(f"{path}: refused: its member {name!r} would be written outside the folder")
    return root.joinpath(*parts)
