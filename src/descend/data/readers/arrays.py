"""This file reads arrays from .npz and .safetensors files: images, or rows of numbers."""

import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy
import polars
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file as load_safetensors
from torch import Tensor

from descend.data.data_settings import DataSettings
from descend.data.examples import TEST, UNGIVEN, VALIDATION, ImageSet, TableSet
from descend.data.images import choose_size, conform
from descend.data.readers._labels import (
    describe_classes,
    describe_split,
    encode_labels,
    encode_numbers,
    split_code,
)
from descend.data.readers._parts import describe_size
from descend.data.readers._pixels import choose_levels, find_beyond_white, to_pixels
from descend.errors import DataError

KIND: Literal["images", "table"] = "images"
Array = NDArray[Any]
Arrays = Mapping[str, Array]
_INPUTS = frozenset(
    {
        "x",
        "image",
        "images",
        "img",
        "imgs",
        "data",
        "feature",
        "features",
        "input",
        "inputs",
        "pixels",
    }
)
_TARGETS = frozenset({"y", "label", "labels", "target", "targets", "lbl"})
_NAMES = frozenset({"classes", "class", "names"})
_EXPECTED = "expected keys such as images and labels, x and y, or x_train, y_train, x_test, y_test"


@dataclass(frozen=True)
class Pair:
    """The inputs and targets of one split as they are in the file."""

    split: int
    inputs: Array
    targets: Array | None
    key: str  # of the inputs


def recognizes(path: Path) -> str:
    if not path.is_file():
        return ""
    if path.suffix == ".safetensors":
        return "a safetensors file"
    if path.suffix == ".npz":
        return "a NumPy archive"
    return ""


def read(path: Path, settings: DataSettings, seed: int) -> ImageSet | TableSet:
    arrays = _load(path)
    pairs = _pairs(path, arrays)
    if all(pair.inputs.ndim == 2 for pair in pairs):
        return _table(path, [*pairs, *_more_pairs(settings)], settings)
    return _images(path, pairs, _class_names(arrays), settings)


def _more_pairs(settings: DataSettings) -> list[Pair]:
    """Rows given apart for validation and test."""
    more = []
    for target, code in ((settings.validation, VALIDATION), (settings.test, TEST)):
        if target is not None:
            path = Path(target)
            more += [replace(pair, split=code) for pair in _pairs(path, _load(path))]
    return more


def _load(path: Path) -> Arrays:
    try:
        if path.suffix == ".safetensors":
            return {key: _as_numpy(value) for key, value in load_safetensors(path).items()}
        with numpy.load(path, allow_pickle=False) as file:
            return {key: _array(path, file, key) for key in file.files}
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, SafetensorError) as error:
        raise DataError(f"{path}: damaged or no file of this kind: {_line(error)}") from None
    except MemoryError:
        raise DataError(f"{path}: its arrays do not fit in memory") from None
    except (ValueError, TypeError, KeyError, SyntaxError) as error:
        raise DataError(f"{path}: {_line(error)}") from None


def _as_numpy(values: Tensor) -> Array:
    """NumPy has no bfloat16 and no float8; float32 holds all of theirs."""
    is_small = values.is_floating_point() and values.dtype.itemsize <= 2
    array: Array = (values.float() if is_small else values).numpy()
    return array


def _array(path: Path, file: Mapping[str, Array | bytes], key: str) -> Array:
    try:
        array = file[key]
        if isinstance(array, bytes):  # NumPy hands out what is no array as it lies in the archive
            raise DataError(f"{path}: {key!r} in it is no array; expected arrays only")
        return array
    except ValueError as error:
        if "pickle" not in str(error):
            raise
    raise DataError(
        f"{path}: array {key!r} holds Python objects, which are pickles that could run code; "
        "nothing was loaded. Save it as numbers or fixed-width text"
    )


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _pairs(path: Path, arrays: Arrays) -> list[Pair]:
    """Inputs with their targets, one pair per split; DataError when the keys do not tell."""
    inputs: dict[int, str] = {}
    targets: dict[int, str] = {}
    for key in arrays:
        words = _words(key)
        codes = {split_code(word) for word in words} - {UNGIVEN}
        split = codes.pop() if len(codes) == 1 else UNGIVEN
        role = inputs if words & _INPUTS else targets if words & _TARGETS else None
        if role is None or words & _NAMES:
            continue
        if split in role:
            raise DataError(f"{path}: both {role[split]!r} and {key!r} could be meant; {_EXPECTED}")
        role[split] = key
    if not inputs:
        raise DataError(f"{path}: no inputs among its keys {', '.join(arrays)}; {_EXPECTED}")
    return [_pair(path, arrays, split, key, targets.get(split)) for split, key in inputs.items()]


def _pair(path: Path, arrays: Arrays, split: int, key: str, target: str | None) -> Pair:
    inputs = arrays[key]
    targets = arrays[target] if target is not None else None
    if inputs.ndim < 2 or inputs.size == 0:
        raise DataError(
            f"{path}: {key!r} has shape {inputs.shape}; expected examples first, and none empty"
        )
    if targets is not None and (targets.ndim == 0 or len(targets) != len(inputs)):
        raise DataError(
            f"{path}: {key!r} holds {len(inputs):,} examples, but {target!r} has shape "
            f"{targets.shape}; expected as many"
        )
    return Pair(split, inputs, targets, key)


def _words(key: str) -> set[str]:
    """ "x_train", "xTrain" and "trainX" as {"x", "train"}."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key)
    return set(re.split(r"[^a-z0-9]+", spaced.lower()))


def _class_names(arrays: Arrays) -> tuple[str, ...]:
    for key, array in arrays.items():
        if _words(key) & _NAMES and array.ndim == 1 and array.dtype.kind in "US":
            return tuple(_as_text(array))
    return ()


def _as_text(array: Array) -> list[str]:
    return [
        v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in array.tolist()
    ]


def _images(
    path: Path, pairs: list[Pair], names: tuple[str, ...], settings: DataSettings
) -> ImageSet:
    inputs = {f"{path}: {pair.key!r}": pair.inputs for pair in pairs}
    levels = settings.levels.or_else(choose_levels(inputs))
    pixels = [to_pixels(array, where, levels) for where, array in inputs.items()]
    shapes = {tuple(part.shape[1:]) for part in pixels}
    if len(shapes) > 1:
        raise DataError(f"{path}: images of different shapes {sorted(shapes)}; expected one")
    channels, height, width = shapes.pop()
    size = choose_size([(height, width)], settings.image_size)
    targets, classes, about = _targets(path, pairs, names)
    given = [pair.split for pair in pairs for _ in range(len(pair.inputs))]
    found = [about, describe_size((height, width), size, channels)]
    found += levels.describe()
    if any(code != UNGIVEN for code in given):
        found.append(describe_split(given, "the keys"))
    return ImageSet(
        pixels=conform(torch.cat(pixels), size, channels),
        targets=targets,
        classes=classes,
        names=[
            f"{p.key} image {i}".removeprefix("images ")
            for p in pairs
            for i in range(1, len(p.inputs) + 1)
        ],
        given=torch.tensor(given, dtype=torch.int8),
        found=tuple(found),
        issues=find_beyond_white(inputs, levels),
        levels=levels,
    )


def _targets(
    path: Path, pairs: list[Pair], names: tuple[str, ...]
) -> tuple[Tensor | None, tuple[str, ...], str]:
    """Codes or numbers, class names, and a sentence on them."""
    arrays = [pair.targets for pair in pairs if pair.targets is not None]
    count = sum(len(pair.inputs) for pair in pairs)
    if len(arrays) < len(pairs):
        return None, (), f"{count:,} images without labels"
    if len({array.shape[1:] for array in arrays}) > 1:
        raise DataError(f"{path}: labels of different shapes; expected one")
    values = numpy.concatenate(arrays)
    values = values.reshape(len(values), -1)
    columns = values.shape[1]
    if values.dtype.kind in "US":
        if columns > 1:
            raise DataError(f"{path}: {columns} text labels per image; expected one")
        codes, classes = encode_labels(_as_text(values[:, 0]))
        return codes, classes, describe_classes(codes, classes)
    if values.dtype.kind not in "iufb":
        raise DataError(f"{path}: labels of type {values.dtype}; expected numbers or text")
    if not numpy.isfinite(values).all():
        row = int(numpy.flatnonzero(~numpy.isfinite(values).all(axis=1))[0]) + 1
        raise DataError(f"{path}: label {row} is {values[row - 1].tolist()}; expected a number")
    one_hot = columns > 1 and bool(((values == 0) | (values == 1)).all())
    if one_hot and bool((values.sum(axis=1) == 1).all()):
        values, columns = values.argmax(axis=1)[:, None], 1
    if columns == 1 and values.dtype.kind in "iub":
        codes, classes = encode_numbers(torch.from_numpy(values[:, 0].astype(numpy.int64)))
        if names and int(classes[-1]) < len(names):
            classes = tuple(names[int(number)] for number in classes)
        return codes, classes, describe_classes(codes, classes)
    numbers = torch.from_numpy(values.astype(numpy.float32))
    labels = names if len(names) == columns else ()
    if one_hot and bool((values.sum(axis=1) > 1).any()):
        return numbers, labels, f"{count:,} images, each with any of {columns} labels"
    what = f"{count:,} images, each with {columns} numbers" if columns > 1 else f"{count:,} images"
    return numbers, labels, f"{what} as target"


def _table(path: Path, pairs: list[Pair], settings: DataSettings) -> TableSet:
    """Columns c1 … cn, and `target` (or target_1 …) where there are targets."""
    widths = {pair.inputs.shape[1] for pair in pairs}
    if len(widths) > 1:
        raise DataError(f"{path}: rows of different lengths {sorted(widths)}; expected one")
    frame = _frames(path, pairs)
    targets = tuple(name for name in frame.columns if name.startswith("target"))
    if settings.target:
        targets = tuple(_column(path, frame.columns, name) for name in settings.target)
        if len(set(targets)) < len(targets):
            raise DataError(f"{path}: --target names a column twice: {', '.join(targets)}")
    if not targets:
        raise DataError(f"{path}: rows without targets; name a column with --target c1 … or -1")
    given = [pair.split for pair in pairs for _ in range(len(pair.inputs))]
    found = [f"{frame.height:,} rows of {widths.pop()} numbers"]
    if any(code != UNGIVEN for code in given):
        found.append(describe_split(given, "the keys"))
    names = [f"{p.key} row {i}" for p in pairs for i in range(1, len(p.inputs) + 1)]
    return TableSet(frame, targets, names, torch.tensor(given, dtype=torch.int8), tuple(found))


def read_rows(path: Path) -> polars.DataFrame:
    """Rows of numbers to predict or score, targets beside them where the file has any."""
    pairs = _pairs(path, _load(path))
    if any(pair.inputs.ndim != 2 for pair in pairs):
        raise DataError(f"{path} holds images; this run was trained on a table")
    return _frames(path, pairs)


def _frames(path: Path, pairs: list[Pair]) -> polars.DataFrame:
    frames = [_frame(path, pair) for pair in pairs]
    if len({tuple(frame.columns) for frame in frames}) > 1:
        raise DataError(f"{path}: only some of its arrays have targets; expected all or none")
    try:
        return polars.concat(frames, how="vertical_relaxed")
    except polars.exceptions.SchemaError as error:
        raise DataError(f"{path}: its arrays hold different types: {_line(error)}") from None


def _frame(path: Path, pair: Pair) -> polars.DataFrame:
    if pair.inputs.dtype.kind not in "iufb":
        raise DataError(f"{path}: {pair.key!r} is of type {pair.inputs.dtype}; expected numbers")
    columns = {f"c{i}": _native(pair.inputs[:, i - 1]) for i in range(1, pair.inputs.shape[1] + 1)}
    if pair.targets is not None:
        values = pair.targets.reshape(len(pair.inputs), -1)
        one = values.shape[1] == 1
        for i in range(values.shape[1]):
            column = values[:, i]
            name = "target" if one else f"target_{i + 1}"
            if column.dtype.kind not in "iufbUS":
                raise DataError(f"{path}: targets of type {column.dtype}; expected numbers or text")
            is_text = column.dtype.kind in "US"
            columns[name] = numpy.array(_as_text(column)) if is_text else _native(column)
    return polars.DataFrame({name: polars.Series(name, v) for name, v in columns.items()})


def _native(column: Array) -> Array:
    """In a type that tables have: floats of 32 or 64 bits, in this machine's order of bytes."""
    if column.dtype.kind == "f" and column.dtype.itemsize not in (4, 8):
        return column.astype(numpy.float32 if column.dtype.itemsize < 4 else numpy.float64)
    return column.astype(column.dtype.newbyteorder("="))


def _column(path: Path, columns: list[str], name: str) -> str:
    if name in columns:
        return name
    number = int(name) if re.fullmatch(r"-?\d+", name) else 0
    if not number or abs(number) > len(columns):
        raise DataError(f"{path}: no column {name!r}; its columns are {columns[0]} … {columns[-1]}")
    return columns[number - 1 if number > 0 else number]
