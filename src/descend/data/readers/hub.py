"""This file reads a Hugging Face dataset by name, the only reader that uses the network.

It is asked for with "hf://NAME" or "hub:NAME" ("NAME:CONFIGURATION" for one of several), never
guessed.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import polars
import torch

from descend.data.data_settings import DataSettings
from descend.data.examples import UNGIVEN, ImageSet, TableSet
from descend.data.images import Picture, read_pictures
from descend.data.readers._labels import (
    describe_classes,
    describe_split,
    encode_labels,
    split_code,
)
from descend.errors import DataError

KIND: Literal["images", "table"] = "images"
_PREFIXES = ("hf:/", "hub:")  # a Path has made one slash of two


def recognizes(path: Path) -> str:
    return "the name of a Hugging Face dataset" if str(path).startswith(_PREFIXES) else ""


def read(path: Path, settings: DataSettings, seed: int) -> ImageSet | TableSet:
    name, _, configuration = _name(path).partition(":")
    splits = _load(name, configuration or None)
    features = next(iter(splits.values())).features
    image = [key for key, feature in features.items() if type(feature).__name__ == "Image"]
    if image:
        return _images(name, splits, image[0], _label_key(name, features, settings), settings)
    return _table(name, splits, features, settings)


def _name(path: Path) -> str:
    text = str(path)
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return text.strip("/")


def _load(name: str, configuration: str | None) -> Mapping[str, Any]:
    hub = _module()
    try:
        loaded: Mapping[str, Any] = hub.load_dataset(name, configuration)
    except (OSError, ValueError, RuntimeError) as error:
        text = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{name}: cannot be had from the Hugging Face hub: {text}") from None
    return loaded


def _module() -> ModuleType:
    try:
        return importlib.import_module("datasets")  # optional, so imported when asked for
    except ImportError:
        raise DataError(
            "datasets by name need the hub extra; install it with: pip install 'descend[hub]'"
        ) from None


def _label_key(name: str, features: Mapping[str, Any], settings: DataSettings) -> str:
    labels = [key for key, feature in features.items() if type(feature).__name__ == "ClassLabel"]
    if settings.target:
        labels = [key for key in settings.target if key in features]
    if len(labels) != 1:
        raise DataError(
            f"{name}: which of its fields is the label? Name it with --target; "
            f"its fields are {', '.join(features)}"
        )
    return labels[0]


def _images(
    name: str, splits: Mapping[str, Any], image: str, label: str, settings: DataSettings
) -> ImageSet:
    still_encoded = _module().Image(decode=False)
    pictures: list[Picture] = []
    labels: list[str] = []
    given: list[int] = []
    for split, rows in splits.items():
        text = _label_text(rows.features[label])
        for number, row in enumerate(rows.cast_column(image, still_encoded), start=1):
            value = row[image]
            source = value["bytes"] if value["bytes"] is not None else Path(value["path"])
            pictures.append(Picture(f"{split} image {number}", source))
            labels.append(text(row[label]))
            given.append(split_code(split) if len(splits) > 1 else UNGIVEN)
    decoded = read_pictures(pictures, settings)
    codes, classes = encode_labels([labels[i] for i in decoded.kept])
    kept = [given[i] for i in decoded.kept]
    found = [describe_classes(codes, classes), *decoded.found]
    if len(splits) > 1:
        found.append(describe_split(kept, "the dataset"))
    return ImageSet(
        decoded.pixels, codes, classes, [pictures[i].name for i in decoded.kept],
        torch.tensor(kept, dtype=torch.int8), tuple(found), decoded.issues,
        decoded.levels,
    )  # fmt: skip


def _label_text(feature: Any) -> Any:
    """What turns a row's label into its name."""
    return feature.int2str if type(feature).__name__ == "ClassLabel" else str


def _table(
    name: str, splits: Mapping[str, Any], features: Mapping[str, Any], settings: DataSettings
) -> TableSet:
    target = settings.target or (_label_key(name, features, settings),)
    unknown = [key for key in target if key not in features]
    if unknown:
        raise DataError(f"{name}: no field {unknown[0]!r}; its fields are {', '.join(features)}")
    frames = [polars.from_arrow(rows.data.table) for rows in splits.values()]
    frame = polars.concat([f if isinstance(f, polars.DataFrame) else f.to_frame() for f in frames])
    given = [
        split_code(split) if len(splits) > 1 else UNGIVEN
        for split, rows in splits.items()
        for _ in range(len(rows))
    ]
    names = [f"{s} row {i}" for s, rows in splits.items() for i in range(1, len(rows) + 1)]
    return TableSet(
        frame, target, names, torch.tensor(given, dtype=torch.int8),
        (f"{frame.height:,} rows of {frame.width} fields",),
    )  # fmt: skip
