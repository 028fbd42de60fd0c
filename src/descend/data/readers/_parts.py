"""This file joins arrays of images that came in several files into one set."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.data.data_settings import DataSettings
from descend.data.examples import UNGIVEN, ImageSet
from descend.data.images import choose_size, conform
from descend.data.readers._labels import describe_classes, describe_split, encode_numbers
from descend.errors import DataError


@dataclass(frozen=True)
class Part:
    """Images with whole-number labels from one file."""

    name: str
    pixels: Tensor  # uint8 (n, channels, height, width)
    labels: Tensor  # (n,)
    split: int


def join(
    where: str, parts: Sequence[Part], settings: DataSettings, class_names: Sequence[str] = ()
) -> ImageSet:
    """One set of all parts; labels number `class_names` where there are any."""
    shapes = {tuple(part.pixels.shape[1:]) for part in parts}
    if len(shapes) > 1:
        raise DataError(f"{where}: images of different shapes {sorted(shapes)}; expected one")
    channels, height, width = shapes.pop()
    codes, classes = encode_numbers(torch.cat([part.labels for part in parts]))
    if class_names:
        classes = _named(where, classes, class_names)
    given = [part.split for part in parts for _ in range(len(part.labels))]
    size = choose_size([(height, width)], settings.image_size)
    found = [describe_classes(codes, classes), describe_size((height, width), size, channels)]
    if any(code != UNGIVEN for code in given):
        found.append(describe_split(given, "files"))
    return ImageSet(
        pixels=conform(torch.cat([part.pixels for part in parts]), size, channels),
        targets=codes,
        classes=classes,
        names=[f"{p.name} image {i}" for p in parts for i in range(1, len(p.labels) + 1)],
        given=torch.tensor(given, dtype=torch.int8),
        found=tuple(found),
    )


def describe_size(was: tuple[int, int], size: tuple[int, int], channels: int) -> str:
    color = "color" if channels == 3 else "gray"
    if was == size:
        return f"all {was[1]}x{was[0]} pixels, {color}"
    return f"all {was[1]}x{was[0]} pixels; brought to {size[1]}x{size[0]}, {color}"


def _named(where: str, numbers: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    largest = max(int(number) for number in numbers)
    if largest >= len(names):
        raise DataError(f"{where}: label {largest}, but only {len(names)} class names; one each")
    return tuple(names[int(number)] for number in numbers)
