"""This file reads CIFAR-10 and CIFAR-100 in their binary version.

Format (Krizhevsky 2009, www.cs.toronto.edu/~kriz/cifar.html): each image is one label byte (two for
CIFAR-100: coarse, fine), then 1024 bytes each of red, green and blue.
"""

from pathlib import Path
from typing import Literal

import torch

from descend.data.data_settings import DataSettings
from descend.data.examples import TEST, TRAIN, UNGIVEN, ImageSet
from descend.data.readers._parts import Part, join
from descend.errors import DataError

KIND: Literal["images", "table"] = "images"
_PIXELS = 3 * 32 * 32  # bytes of one image
_NAMES = ("batches.meta.txt", "fine_label_names.txt")
_PICKLES = ("data_batch_1", "test_batch", "batches.meta", "meta", "train", "test")


def recognizes(path: Path) -> str:
    if path.is_file():
        return "a CIFAR binary file" if _files(path.parent).get(path) is not None else ""
    if not path.is_dir():
        return ""
    if _files(path):
        return "a folder with CIFAR's binary version"
    return "a folder with CIFAR's Python version" if _pickles(path) else ""


def read(path: Path, settings: DataSettings, seed: int) -> ImageSet:
    folder = path if path.is_dir() else path.parent
    files = _files(folder)
    if not files:
        raise DataError(
            f"{path}: this is CIFAR's Python version, whose files are pickles that could run code; "
            "nothing was loaded. Use the binary version (.bin) from the same page"
        )
    if path.is_file():
        files = {path: UNGIVEN}  # one file has nothing it is split against
    elif len(set(files.values())) == 1:
        files = dict.fromkeys(files, UNGIVEN)
    parts = [_read_file(file, split) for file, split in files.items()]
    return join(str(path), parts, settings, _class_names(folder))


def _files(folder: Path) -> dict[Path, int]:
    """The binary files in the folder with the split each holds."""
    found = {}
    for file in sorted(folder.glob("*.bin")):
        if file.stem.startswith("data_batch") or file.stem == "train":
            found[file] = TRAIN
        elif file.stem in ("test_batch", "test"):
            found[file] = TEST
    return {file: split for file, split in found.items() if _labels_per_image(file)}


def _labels_per_image(file: Path) -> int:
    """1 for CIFAR-10, 2 for CIFAR-100, 0 for no such file; a truncated file goes by its name."""
    size = file.stat().st_size
    for labels in (1, 2):
        if size and size % (_PIXELS + labels) == 0:
            return labels
    return 1 if "batch" in file.stem else 0


def _pickles(folder: Path) -> bool:
    for name in _PICKLES:
        file = folder / name
        if file.is_file():
            with file.open("rb") as stream:
                if stream.read(1) == b"\x80":  # the first byte of a pickle of protocol 2 and later
                    return True
    return False


def _read_file(file: Path, split: int) -> Part:
    labels = _labels_per_image(file)
    content = bytearray(file.read_bytes())
    if not content or len(content) % (_PIXELS + labels):
        raise DataError(
            f"{file}: {len(content):,} bytes, no whole number of images of {_PIXELS + labels:,} "
            "bytes; it is truncated or no CIFAR file"
        )
    rows = torch.frombuffer(content, dtype=torch.uint8).view(-1, _PIXELS + labels)
    # The last label byte is the fine one where there are two.
    return Part(file.name, rows[:, labels:].view(-1, 3, 32, 32), rows[:, labels - 1], split)


def _class_names(folder: Path) -> tuple[str, ...]:
    for name in _NAMES:
        if (folder / name).is_file():
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
            return tuple(line.strip() for line in text.splitlines() if line.strip())
    return ()
