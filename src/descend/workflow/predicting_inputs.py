"""This file finds what is to be predicted and brings it into the form of a trained network.

Files, folders, archives, arrays, tables, or bytes from standard input become pieces of bounded
size. What cannot be read is named, and the rest goes on.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from descend.data.data_settings import DataSettings
from descend.data.examples import ImageSet, Issue
from descend.data.image_preprocessing import ImagePreprocessing
from descend.data.images import Picture, conform
from descend.data.pickles import what_pickle
from descend.data.readers import arrays
from descend.data.readers import table as table_reader
from descend.data.readers.archive import unpacked
from descend.data.readers.folder import is_image, walk
from descend.data.reading import choose_reader, read_with
from descend.data.table_preprocessing import TablePreprocessing
from descend.errors import DataError

STDIN = "-"
PIECE_BYTES = 16 << 20  # decoded pixels held at once; a network's layers take some tens of that
PIECE_IMAGES = 1024
COLUMNS_NAMED = 8


@dataclass(frozen=True)
class Piece:
    """Some of the examples, ready for the network, and what was wrong with others."""

    inputs: tuple[Tensor, ...]
    names: Sequence[str]
    issues: tuple[Issue, ...]


ReadStdin = Callable[[], bytes]
# What a path turns out to hold; None ends a stretch that cannot wait to be decoded.
Found = Picture | Issue | ImageSet | None


def pieces(
    preprocessing: ImagePreprocessing | TablePreprocessing,
    paths: Sequence[str | Path],
    read_stdin: ReadStdin,
) -> Iterator[Piece]:
    """Everything under `paths` in order. DataError for what this run cannot take at all."""
    if isinstance(preprocessing, ImagePreprocessing):
        yield from _image_pieces(preprocessing, paths, read_stdin)
        return
    for path in paths:
        if str(path) == STDIN:
            yield Piece(*preprocessing.read_text(_content(read_stdin)))
        else:
            yield from _table_pieces(preprocessing, Path(path))


def _content(read_stdin: ReadStdin) -> bytes:
    content = read_stdin()
    if not content.strip():
        raise DataError("standard input is empty; expected a table, or the bytes of an image")
    return content


def _image_pieces(
    preprocessing: ImagePreprocessing, paths: Sequence[str | Path], read_stdin: ReadStdin
) -> Iterator[Piece]:
    form = preprocessing.form
    most = min(PIECE_IMAGES, max(1, PIECE_BYTES // (form.channels * form.height * form.width)))
    settings = DataSettings().with_levels(preprocessing.levels)
    waiting: list[Picture] = []
    for path in paths:
        for found in _pictures(path, read_stdin, settings):
            if isinstance(found, Picture):
                waiting.append(found)
            if waiting and (len(waiting) >= most or not isinstance(found, Picture)):
                yield Piece(*preprocessing.read_pictures(waiting))
                waiting = []
            if isinstance(found, Issue):
                yield Piece((), (), (found,))
            elif isinstance(found, ImageSet):
                yield from _set_pieces(found, preprocessing, most)
    if waiting:
        yield Piece(*preprocessing.read_pictures(waiting))


def _set_pieces(images: ImageSet, preprocessing: ImagePreprocessing, most: int) -> Iterator[Piece]:
    form = preprocessing.form
    yield Piece((), (), images.issues)
    for start in range(0, len(images.pixels), most):
        part = slice(start, start + most)
        pixels = conform(images.pixels[part], (form.height, form.width), form.channels)
        yield Piece((pixels,), images.names[part], ())


def _pictures(path: str | Path, read_stdin: ReadStdin, settings: DataSettings) -> Iterator[Found]:
    if str(path) == STDIN:
        yield Picture("standard input", _content(read_stdin))
        return
    path = Path(path)
    if path.is_dir():
        yield from _in_folder(path, str(path))
    elif is_image(path):
        if not path.is_file():
            raise DataError(f"{path}: no such file or folder")
        yield Picture(str(path), path)
    else:
        yield from _other(path, settings)


def _in_folder(folder: Path, called: str) -> Iterator[Found]:
    seen = False
    for parts, file in walk(folder):
        name = "/".join((called.rstrip("/"), *parts))
        if is_image(file):
            seen = True
            yield Picture(name, file)
        else:
            yield Issue("set-aside", name, "is no image by name or content; left out", True)
    if not seen:
        raise DataError(f"{called}: no images in it; this run was trained on images")


def _other(path: Path, settings: DataSettings) -> Iterator[Found]:
    """A file that is no image by itself: an archive or arrays of images, or a mistake."""
    try:
        name, reader = choose_reader(path)
    except DataError as error:
        if not path.is_file():
            raise
        text = "is no image by name or content" if not what_pickle(path) else str(error)
        yield Issue("unreadable", str(path), f"{text}; left out", True)
        return
    if name == "table":
        raise DataError(f"{path} is a table; this run was trained on images")
    if name != "archive":
        images = read_with(reader, path, settings, 0)
        if not isinstance(images, ImageSet):
            raise DataError(f"{path} holds a table; this run was trained on images")
        yield images
        return
    with unpacked(path) as (inner, issues):
        yield from issues
        yield from _in_folder(inner, str(path)) if inner.is_dir() else _only(inner, path, settings)
        yield None  # decode before the folder is gone


def _only(inner: Path, archive: Path, settings: DataSettings) -> Iterator[Found]:
    if is_image(inner):
        yield Picture(f"{archive}/{inner.name}", inner)
    else:
        yield from _other(inner, settings)


def _table_pieces(preprocessing: TablePreprocessing, path: Path) -> Iterator[Piece]:
    for file in tables_under(path, preprocessing):
        yield Piece(*preprocessing.read_files([file]))


def tables_under(path: Path, preprocessing: TablePreprocessing) -> Iterator[Path]:
    """The table itself, each table of a folder, or those of an archive.

    DataError for anything else, naming the columns that this run takes.
    """
    if path.is_dir():
        files = [file for _, file in walk(path) if table_reader.recognizes(file)]
        if not files:
            raise DataError(f"{path}: no table in it; {_takes(preprocessing)}")
        yield from files
        return
    if is_image(path) and path.exists():
        raise DataError(f"{path} is an image; {_takes(preprocessing)}")
    name, _ = choose_reader(path)
    if name == "archive":
        with unpacked(path) as (inner, _):
            yield from tables_under(inner, preprocessing)
    elif name == "table":
        yield path
    elif name == "arrays":
        with tempfile.TemporaryDirectory(prefix="descend-") as folder:
            file = Path(folder) / f"{path.name}.parquet"
            arrays.read_rows(path).write_parquet(file)
            yield file
    else:
        raise DataError(f"{path} is no table; {_takes(preprocessing)}")


def _takes(preprocessing: TablePreprocessing) -> str:
    columns = list(preprocessing.inputs)
    more = f" and {len(columns) - COLUMNS_NAMED} more" if len(columns) > COLUMNS_NAMED else ""
    return f"this run was trained on a table with {', '.join(columns[:COLUMNS_NAMED])}{more}"
