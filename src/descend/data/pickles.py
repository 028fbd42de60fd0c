"""This file tells pickles by their content, so that they can be refused instead of loaded.

A pickle is a program: loading one runs whatever its author wrote.
"""

import bz2
import gzip
import lzma
import zipfile
import zlib
from pathlib import Path

_SUFFIXES = frozenset({".pt", ".pth", ".pkl", ".pickle", ".joblib", ".ckpt", ".p"})
_NEWEST_PROTOCOL = 5
_Opener = type[gzip.GzipFile] | type[bz2.BZ2File] | type[lzma.LZMAFile]
_OPENERS: dict[bytes, _Opener] = {
    b"\x1f\x8b": gzip.GzipFile, b"BZ": bz2.BZ2File, b"\xfd7": lzma.LZMAFile,
}  # fmt: skip


def what_pickle(path: Path) -> str:
    """What kind of pickle this file is ("a PyTorch file"), or "" for none."""
    if not path.is_file():
        return ""
    try:
        start = _start(path)
        if start.startswith(b"PK\x03\x04") and _zip_holds_pickle(path):
            return "a PyTorch file"
        if start.startswith(b"\x93NUMPY"):
            return "a NumPy array of Python objects" if b"'O'" in _header_of_npy(start) else ""
        if start[:1] == b"\x80" and 2 <= start[1:2][0] <= _NEWEST_PROTOCOL:
            return "a pickle"
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, IndexError):
        return ""
    return f"a {path.suffix} file" if path.suffix.lower() in _SUFFIXES else ""


def _start(path: Path) -> bytes:
    """The first bytes, unpacked where the file is compressed."""
    with path.open("rb") as stream:
        start = stream.read(512)
    opener = _OPENERS.get(start[:2])
    if opener is None:
        return start
    with opener(path, "rb") as packed:
        return packed.read(512)


def _header_of_npy(start: bytes) -> bytes:
    return start.replace(b"|", b"").partition(b"'descr':")[2][:8]


def _zip_holds_pickle(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("data.pkl") for name in archive.namelist())
