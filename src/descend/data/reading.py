"""This file finds the reader for what the user named and reads it."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import ModuleType

import torch

from descend.catalog import Catalog
from descend.data.data_settings import DataSettings
from descend.data.examples import SPLITS, TEST, VALIDATION, ImageSet, TableSet
from descend.data.images import conform
from descend.data.pickles import what_pickle
from descend.errors import DataError, SettingError, did_you_mean

READERS = Catalog("descend.data.readers", "reader")
_OF_TABLES = ("target", "time", "lags", "group")  # settings that name columns
_WITH_FIELDS = ("hub",)  # readers of images beside columns, of which one is the target
_GENERAL = "folder"  # knows any folder with images in it, so it is asked last
_EXPECTED = (
    "expected a folder with one folder of images per class, a zip or tar of such, idx files, "
    "CIFAR's binary version, .npz or .safetensors arrays, or a table (.csv, .tsv, .parquet, .jsonl)"
)


def read(target: str, settings: DataSettings, seed: int) -> tuple[str, ImageSet | TableSet]:
    """The reader's name and what it read. DataError says in one line why it could not."""
    name, reader = choose_reader(Path(target))
    examples = read_with(reader, Path(target), settings, seed)
    if isinstance(examples, ImageSet):
        _refuse_columns(name, settings)
        examples = _of_wanted_size(examples, settings.image_size)
        for more, code in ((settings.validation, VALIDATION), (settings.test, TEST)):
            if more is not None:
                examples = _join(examples, *_read_more(more, code, examples, settings, seed), code)
    return name, examples


def _refuse_columns(reader: str, settings: DataSettings) -> None:
    """A group that is trusted but not heeded would leak into the test."""
    usable = ("target",) if reader in _WITH_FIELDS else ()
    fields = [name for name in _OF_TABLES if getattr(settings, name) and name not in usable]
    if fields:
        said = " and ".join(f"--{name}" for name in fields)
        raise SettingError(f"{said} names a column of a table, but these data are images without")


def _of_wanted_size(images: ImageSet, size: int | None) -> ImageSet:
    """Arrays come in a size of their own; files were decoded to the wanted one."""
    if size is None or images.pixels.shape[2:] == (size, size):
        return images
    height, width = images.pixels.shape[2:]
    pixels = conform(images.pixels, (size, size), images.pixels.shape[1])
    found = (*images.found, f"brought from {height}x{width} to {size}x{size} pixels")
    return replace(images, pixels=pixels, found=found)


def choose_reader(path: Path) -> tuple[str, ModuleType]:
    """The first reader that recognizes the path, more special ones first."""
    _refuse_pickle(path)
    for name in sorted(READERS.names, key=lambda name: (name == _GENERAL, name)):
        reader = READERS.load(name)
        try:
            if reader.recognizes(path):
                return name, reader
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    raise DataError(_why_not(path))


def read_with(
    reader: ModuleType, path: Path, settings: DataSettings, seed: int
) -> ImageSet | TableSet:
    try:
        examples: ImageSet | TableSet = reader.read(path, settings, seed)
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read: {error.strerror}") from None
    return examples


def _refuse_pickle(path: Path) -> None:
    kind = what_pickle(path)
    if kind:
        raise DataError(
            f"{path} is {kind}, which could run code when loaded; nothing was loaded. "
            "Save the data as .npz or .safetensors arrays, or as a table"
        )


def _why_not(path: Path) -> str:
    if not path.exists():
        return f"{path}: no such file or folder{_near(path)}"
    if path.is_file():
        if path.stat().st_size == 0:
            return f"{path}: the file is empty; {_EXPECTED}"
        if path.suffix == ".npy":
            return f"{path}: one array without labels; save images and labels together as .npz"
        return f"{path}: its kind is not known; {_EXPECTED}"
    if not path.is_dir():
        return f"{path}: neither a file nor a folder"
    files = [file for file in islice(path.rglob("*"), 1000) if file.is_file()]
    if not files:
        return f"{path}: the folder is empty; {_EXPECTED}"
    kinds = Counter(file.suffix or file.name for file in files).most_common(3)
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds)
    return f"{path}: no images in it (found {listed}); {_EXPECTED}"


def _near(path: Path) -> str:
    """A clause with the nearest names beside it, if there are any near ones."""
    if not path.parent.is_dir():
        return ""
    clause = did_you_mean(path.name, [file.name for file in islice(path.parent.iterdir(), 1000)])
    return f"; {clause}" if clause.startswith("did you mean") else ""


def _read_more(
    target: str, code: int, main: ImageSet, settings: DataSettings, seed: int
) -> tuple[ImageSet, str]:
    flag = f"--{SPLITS[code]} {target}"
    _, reader = choose_reader(Path(target))
    height, width = main.pixels.shape[2:]
    if height == width:  # so that files are decoded to this size, not resized twice
        settings = settings.model_copy(update={"image_size": height})
    settings = settings.with_levels(main.levels)
    more = read_with(reader, Path(target), settings, seed)
    if not isinstance(more, ImageSet):
        raise DataError(f"{flag}: holds a table, but the data to train on are images")
    return more, flag


def _join(main: ImageSet, more: ImageSet, flag: str, code: int) -> ImageSet:
    """Both sets as one; the second one's classes are matched by name and all of it has `code`."""
    _, channels, height, width = main.pixels.shape
    given = torch.full((len(more.pixels),), code, dtype=torch.int8)
    return ImageSet(
        pixels=torch.cat([main.pixels, conform(more.pixels, (height, width), channels)]),
        targets=_joined_targets(main, more, flag),
        classes=main.classes,
        names=[*main.names, *more.names],
        given=torch.cat([main.given, given]),
        found=(*main.found, f"{flag}: {more.found[0]}"),
        issues=(*main.issues, *more.issues),
        levels=main.levels.or_else(more.levels),
    )


def _joined_targets(main: ImageSet, more: ImageSet, flag: str) -> torch.Tensor | None:
    if main.targets is None or more.targets is None:
        if main.targets is not more.targets:
            raise DataError(f"{flag}: only one of both sets has labels")
        return None
    return torch.cat([main.targets, match_targets(more, main.classes, flag)])


def match_targets(images: ImageSet, classes: tuple[str, ...], where: str) -> torch.Tensor:
    """The set's targets in the codes of `classes`, matched by name."""
    assert images.targets is not None
    if images.targets.is_floating_point() or not classes:
        return images.targets
    used = set(torch.unique(images.targets).tolist())
    known = _matches(images.classes, classes)
    unseen = [n for i, n in enumerate(images.classes) if i in used and n not in known]
    if unseen:
        raise DataError(
            f"{where}: class {', '.join(map(repr, unseen))} is not among the classes of the "
            f"training data ({', '.join(classes)})"
        )
    codes = torch.tensor([known.get(name, -1) for name in images.classes])
    return codes[images.targets]


def _matches(names: Sequence[str], classes: Sequence[str]) -> dict[str, int]:
    """The class of each name: the same name, else the only one but for spaces and case."""
    found = {name: code for code, name in enumerate(classes)}
    twice = {k for part in (names, classes) for k, n in Counter(map(_plain, part)).items() if n > 1}
    folded = {_plain(name): code for code, name in enumerate(classes)}
    like = {n: folded[_plain(n)] for n in names if _plain(n) in folded and _plain(n) not in twice}
    return {**like, **found}


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()
