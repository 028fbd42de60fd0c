"""This file reads folders of images: one folder per class, with or without folders per split."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import torch

from descend.data.data_settings import DataSettings
from descend.data.examples import TRAIN, UNGIVEN, ImageSet, Issue
from descend.data.image_decoding import looks_like_image
from descend.data.images import Picture, read_pictures
from descend.data.readers._labels import (
    describe_classes,
    describe_split,
    encode_labels,
    split_code,
)
from descend.errors import DataError

KIND: Literal["images", "table"] = "images"
SUFFIXES = frozenset(
    {
        ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp",
        ".avif", ".ppm", ".pgm", ".pbm", ".pnm", ".ico", ".tga", ".pcx", ".jp2",
    }
)  # fmt: skip
_CLUTTER = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
_UNLABELED = frozenset({"unlabeled", "unlabelled", "unsup"})
_GLANCE = 2000  # files looked at before a folder is taken for one without images
_NAMED = 20  # files named one by one before they are only counted
Parts = tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """One image file and what its place says of it."""

    name: str  # relative to the folder
    path: Path
    label: str
    split: int


def recognizes(path: Path) -> str:
    if not path.is_dir():
        return ""
    for parts, file in islice(walk(path), _GLANCE):
        if is_image(file):
            return "a folder with images" if len(parts) == 1 else "a folder with folders of images"
    return ""


def read(path: Path, settings: DataSettings, seed: int) -> ImageSet:
    files, issues = list_images(path)
    decoded = read_pictures([Picture(file.name, file.path) for file in files], settings)
    kept = [files[i] for i in decoded.kept]
    if not kept:
        first = decoded.issues[0]
        raise DataError(
            f"{path}: none of {len(files)} images could be read; {first.where}: {first.text}"
        )
    codes, classes = encode_labels([file.label for file in kept])
    given = [file.split for file in kept]
    found = [describe_classes(codes, classes), *decoded.found]
    if any(code != UNGIVEN for code in given):
        found.append(describe_split(given, "folders"))
    lost = sorted({file.label for file in files} - set(classes))
    gone = [Issue("lost-class", name, "none of its images could be read", True) for name in lost]
    return ImageSet(
        pixels=decoded.pixels,
        targets=codes,
        classes=classes,
        names=[file.name for file in kept],
        given=torch.tensor(given, dtype=torch.int8),
        found=tuple(found),
        issues=(*issues, *gone, *decoded.issues),
        levels=decoded.levels,
    )


def list_images(root: Path) -> tuple[list[Found], list[Issue]]:
    """Every labeled image under the folder, in the order of names, and what was set aside."""
    images: list[tuple[Parts, Path]] = []
    others: list[str] = []
    unlabeled: list[str] = []
    for parts, path in walk(root):
        if not is_image(path):
            others.append("/".join(parts))
        elif any(part.lower() in _UNLABELED for part in parts[:-1]):
            unlabeled.append("/".join(parts))
        else:
            images.append((parts, path))
    if not images:
        raise DataError(f"{root}: no labeled images in it; expected one folder per class")
    wrapped = _wrapping([parts for parts, _ in images])
    splits = _has_splits([parts[wrapped:] for parts, _ in images])
    files: list[Found] = []
    aside = {
        "is no image by name or content; left out": others,
        "has no label; set aside": unlabeled,
    }
    for parts, path in images:
        place = _place(parts[wrapped:], splits)
        if isinstance(place, str):
            aside.setdefault(place, []).append("/".join(parts))
        else:
            files.append(Found("/".join(parts), path, *place))
    if not files:
        raise DataError(
            f"{root}: {len(images)} images but no folder per class; "
            f"expected {root.name}/CLASS/image or {root.name}/train/CLASS/image"
        )
    return files, [issue for text, names in aside.items() for issue in _set_aside(names, text)]


def walk(
    folder: Path, parts: Parts = (), above: frozenset[Path] = frozenset()
) -> Iterator[tuple[Parts, Path]]:
    """Files below with the parts of their relative names, sorted; hidden ones and clutter not."""
    real = folder.resolve()
    if real in above:  # a link that leads back up
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}") from None
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in _CLUTTER:
            continue
        # Bytes of a name that are no UTF-8 could not be printed or written to JSON.
        name = os.fsencode(entry.name).decode(errors="replace")
        if entry.is_dir():
            yield from walk(entry, (*parts, name), above | {real})
        else:
            yield (*parts, name), entry


def is_image(path: Path) -> bool:
    """By name, or by content where the name says nothing."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        if not path.is_file():  # a pipe would block
            return False
        with path.open("rb") as stream:
            return looks_like_image(stream.read(16))
    except OSError:
        return False


def _wrapping(names: Sequence[Parts]) -> int:
    """How many folders hold nothing but the next one, as archives often have them."""
    depth = 0
    while len({parts[depth] for parts in names}) == 1 and all(len(p) > depth + 2 for p in names):
        depth += 1
    return depth


def _has_splits(names: Sequence[Parts]) -> bool:
    """Are the first folders splits? Yes when one is named for training and one for another."""
    first = {parts[0] for parts in names if len(parts) > 1}
    codes = {split_code(name) for name in first} - {UNGIVEN}
    return TRAIN in codes and len(codes) > 1


def _place(parts: Parts, splits: bool) -> tuple[str, int] | str:
    """Class and split of a file, or why it is set aside."""
    if not splits:
        return (parts[0], UNGIVEN) if len(parts) > 1 else "is in no class's folder; set aside"
    code = split_code(parts[0])
    if code == UNGIVEN:
        return "is in none of the splits' folders; set aside"
    return (parts[1], code) if len(parts) > 2 else "is in no class's folder; set aside"


def _set_aside(names: Sequence[str], text: str) -> list[Issue]:
    if len(names) > _NAMED:
        where = f"{names[0]} … {names[-1]}"
        return [Issue("set-aside", where, f"{len(names):,} files: each {text}", dropped=True)]
    return [Issue("set-aside", name, text, dropped=True) for name in names]
