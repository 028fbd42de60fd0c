"""This file reads idx files as MNIST ships them, plain or with gzip.

Format (Yann LeCun's MNIST page): two zero bytes, the type of the values, the number of dimensions,
each dimension as a big-endian 32-bit number, then the values.
"""

import gzip
import re
import struct
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Literal

import torch
from torch import Tensor

from descend.data.data_settings import DataSettings
from descend.data.examples import UNGIVEN, ImageSet
from descend.data.readers._labels import split_code
from descend.data.readers._parts import Part, join
from descend.errors import DataError

KIND: Literal["images", "table"] = "images"
_UNSIGNED_BYTE = 8  # the type MNIST and its kin use
_DEFLATE_LIMIT = 1032  # bytes that one byte of a gzip file can become at most
_GLANCE = 64  # files whose first bytes are looked at in a folder


@dataclass(frozen=True)
class Header:
    kind: int  # code of the values' type
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Pair:
    """Two files that belong together."""

    name: str  # what their names share
    images: Path
    labels: Path


def recognizes(path: Path) -> str:
    if path.is_dir():
        return "a folder of idx files" if _headers(path) else ""
    return "an idx file" if _header(path) is not None else ""


def read(path: Path, settings: DataSettings, seed: int) -> ImageSet:
    pairs = _pairs(path if path.is_dir() else path.parent)
    if not path.is_dir():
        pairs = [pair for pair in pairs if path in (pair.images, pair.labels)]
    if not pairs:
        raise DataError(
            f"{path}: no images with their labels; expected two files whose names differ in "
            "'images' and 'labels', such as train-images-idx3-ubyte and train-labels-idx1-ubyte"
        )
    splits = [_split(pair.name) for pair in pairs]
    if len(pairs) > 1 and len(set(splits)) < len(pairs):
        names = ", ".join(pair.images.name for pair in pairs)
        raise DataError(f"{path}: several data sets in one folder; give one of the files: {names}")
    if len(pairs) == 1:
        splits = [UNGIVEN]  # there is nothing it is split against, whatever it is called
    parts = [_read_pair(pair, split) for pair, split in zip(pairs, splits, strict=True)]
    return join(str(path), parts, settings)


def _headers(folder: Path) -> dict[Path, Header]:
    files = [p for p in sorted(folder.iterdir()) if not p.name.startswith(".") and p.is_file()]
    found = {file: _header(file) for file in files[:_GLANCE]}
    return {file: header for file, header in found.items() if header is not None}


def _pairs(folder: Path) -> list[Pair]:
    headers = _headers(folder)
    labels = {_stem(file, "labels"): file for file, h in headers.items() if len(h.shape) == 1}
    found = []
    for file, header in headers.items():
        stem = _stem(file, "images")
        if len(header.shape) > 1 and stem in labels:
            found.append(Pair(stem, file, labels[stem]))
    return found


def _stem(file: Path, role: str) -> str:
    """The name without what tells images from labels: "train-images-idx3-ubyte.gz" -> "train"."""
    name = file.name.lower().removesuffix(".gz")
    name = re.sub(r"idx\d", "", name).replace("ubyte", "")
    return re.sub(r"[-_.]+", "-", re.sub(role, "", name)).strip("-")


def _split(stem: str) -> int:
    codes = {split_code(word) for word in stem.split("-")} - {UNGIVEN}
    return codes.pop() if len(codes) == 1 else UNGIVEN


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _header(path: Path) -> Header | None:
    """The header of an idx file; None for any other file."""
    if not path.is_file():
        return None
    try:
        with _open(path) as stream:
            start = stream.read(4)
            if len(start) < 4 or start[:2] != b"\0\0" or not 8 <= start[2] <= 14:
                return None
            size = 4 * start[3]
            rest = stream.read(size)
            if not 1 <= start[3] <= 4 or len(rest) < size:
                return None
    except (OSError, EOFError, zlib.error):
        return None
    return Header(start[2], struct.unpack(f">{start[3]}I", rest))


def _read_pair(pair: Pair, split: int) -> Part:
    images, labels = _values(pair.images), _values(pair.labels)
    if len(images) != len(labels):
        raise DataError(
            f"{pair.images.name} holds {len(images):,} images, but "
            f"{pair.labels.name} {len(labels):,} labels; expected as many"
        )
    if images.dim() != 3 or 0 in images.shape:
        raise DataError(
            f"{pair.images}: its shape is {tuple(images.shape)}; expected (images, rows, columns)"
        )
    return Part(pair.images.name, images[:, None], labels, split)


def _values(path: Path) -> Tensor:
    """uint8 of the file's shape. DataError on a file that is damaged, truncated or too long."""
    header = _header(path)
    assert header is not None, "only files with a header come here"
    if header.kind != _UNSIGNED_BYTE:
        raise DataError(f"{path}: values of type {header.kind:#04x}; expected 0x08, unsigned bytes")
    size = prod(header.shape)
    if size > _DEFLATE_LIMIT * path.stat().st_size:
        raise DataError(f"{path}: truncated: its header promises {size:,} bytes of values")
    try:
        with _open(path) as stream:
            stream.read(4 + 4 * len(header.shape))
            content = bytearray(stream.read(size))
            more = stream.read(1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged or truncated: {error}") from None
    if len(content) < size or more:
        what = "more" if more else f"only {len(content):,}"
        raise DataError(f"{path}: its header promises {size:,} bytes of values, it holds {what}")
    return torch.frombuffer(content, dtype=torch.uint8).view(header.shape)
