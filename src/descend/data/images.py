"""This file decodes many image files in parallel into one tensor of one size."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor

from descend.data.data_settings import DataSettings
from descend.data.examples import UNKNOWN_LEVELS, Issue, Levels
from descend.data.image_decoding import (
    Array,
    Measured,
    Size,
    Source,
    Unreadable,
    cores,
    decode,
    float_range,
    measure,
    pillow_limits,
    whole_white,
)
from descend.errors import SettingError

LARGEST_OWN = 128  # pixels; larger images are brought to this unless image_size says otherwise
_WORKERS_PER_CORE = 4  # more only wait for each other
_SMALLEST = 8  # pixels; a shorter side below is listed as extreme
_LONGEST = 4.0  # long side over short side; above is listed as extreme: much is cropped away
_STRAY = 0.01  # share of the files up to which a format of their own is named
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Picture:
    """An image still encoded."""

    name: str  # what the user calls it: "cats/3.jpg"
    source: Source


@dataclass(frozen=True)
class Decoded:
    """Images of one size; those that could not be read are left out."""

    pixels: Tensor  # uint8 (kept, channels, height, width)
    kept: list[int]  # places in what was asked for
    found: tuple[str, ...]
    issues: tuple[Issue, ...]
    levels: Levels = UNKNOWN_LEVELS


def read_pictures(pictures: Sequence[Picture], settings: DataSettings) -> Decoded:
    """Decode all; the size is `image_size` or follows from theirs, the channels from content."""
    with pillow_limits(settings.max_pixels):
        found = _each(lambda p: measure(p.source, settings.max_pixels), pictures, settings)
        known = [one for one in found if not isinstance(one, Unreadable)]
        size = choose_size([one.size for one in known], settings.image_size)
        levels = settings.levels.or_else(_levels(known))
        arrays = _each(
            lambda p: decode(p.source, size, settings.max_pixels, levels), pictures, settings
        )
    kept = [i for i, array in enumerate(arrays) if not isinstance(array, Unreadable)]
    unreadable = [
        Issue("unreadable", picture.name, f"{array}; left out", dropped=True)
        for picture, array in zip(pictures, arrays, strict=True)
        if isinstance(array, Unreadable)
    ]
    extreme = [issue for i in kept if (issue := _extreme(pictures[i].name, found[i])) is not None]
    pixels = stack([array for array in arrays if not isinstance(array, Unreadable)], size)
    about = (*_describe([one.size for one in known], pixels), *levels.describe())
    issues = (
        *unreadable,
        *extreme,
        *_other_formats(pictures, found),
        *_beyond(pictures, found, levels),
    )
    return Decoded(pixels, kept, about, issues, levels)


def _levels(known: Sequence[Measured]) -> Levels:
    """From the largest value of all images, so that they stay comparable."""
    whole = [one.peak for one in known if one.peak is not None and one.is_whole]
    real = [one.peak for one in known if one.peak is not None and not one.is_whole]
    low, high = float_range(0.0, max(real)) if real else (None, None)
    return Levels(whole_white(max(whole)) if whole else None, low, high)


def _beyond(
    pictures: Sequence[Picture], found: Sequence[Measured | Unreadable], levels: Levels
) -> list[Issue]:
    """Images brighter than those that the levels were chosen from."""
    white = levels.white
    return [
        Issue("beyond-white", picture.name, f"values up to {one.peak:g}, white is {white:g}", False)
        for picture, one in zip(pictures, found, strict=True)
        if isinstance(one, Measured) and one.peak and one.is_whole and white and one.peak > white
    ]


def _other_formats(
    pictures: Sequence[Picture], found: Sequence[Measured | Unreadable]
) -> list[Issue]:
    """The few files that are encoded unlike nearly all others: often strays."""
    formats = Counter(one.format for one in found if isinstance(one, Measured))
    if not formats:
        return []
    (usual, _), *_ = formats.most_common(1)
    rare = {f for f, n in formats.items() if f != usual and n <= _STRAY * formats.total()}
    return [
        Issue("other-format", picture.name, f"{one.format}, where nearly all are {usual}", False)
        for picture, one in zip(pictures, found, strict=True)
        if isinstance(one, Measured) and one.format in rare
    ]


def read_as(
    pictures: Sequence[Picture], size: Size, channels: int, settings: DataSettings
) -> Decoded:
    """Decode all to a size and a number of channels that are already decided."""
    with pillow_limits(settings.max_pixels):
        arrays = _each(
            lambda p: decode(p.source, size, settings.max_pixels, settings.levels),
            pictures,
            settings,
        )
    kept = [i for i, array in enumerate(arrays) if not isinstance(array, Unreadable)]
    issues = tuple(
        Issue("unreadable", picture.name, f"{array}; left out", dropped=True)
        for picture, array in zip(pictures, arrays, strict=True)
        if isinstance(array, Unreadable)
    )
    pixels = stack([array for array in arrays if not isinstance(array, Unreadable)], size)
    return Decoded(with_channels(pixels, channels), kept, (), issues)


def choose_size(sizes: Sequence[Size], asked: int | None) -> Size:
    """The images' own size when all agree and it is small, else a square that suits them."""
    if asked is not None:
        return asked, asked
    if len(set(sizes)) == 1 and max(sizes[0]) <= LARGEST_OWN and min(sizes[0]) >= 4:
        return sizes[0]
    middle = sorted(min(size) for size in sizes)[len(sizes) // 2] if sizes else LARGEST_OWN
    side = min(LARGEST_OWN, max(_SMALLEST, round(middle / 8) * 8))  # poolings halve it three times
    return side, side


def stack(arrays: Sequence[Array], size: Size) -> Tensor:
    """uint8 (n, 1, height, width) when all are gray, else (n, 3, height, width)."""
    channels = 3 if any(array.ndim == 3 for array in arrays) else 1
    pixels = torch.empty((len(arrays), channels, *size), dtype=torch.uint8)
    for place, array in zip(pixels, arrays, strict=True):
        tensor = torch.from_numpy(numpy.array(array))
        place.copy_(tensor[None] if tensor.dim() == 2 else tensor.permute(2, 0, 1))
    return pixels


def with_channels(pixels: Tensor, channels: int) -> Tensor:
    """Gray repeated as color, or color as gray (ITU-R BT.601 luma, as Pillow has it)."""
    if pixels.shape[1] == channels:
        return pixels
    if channels == 3:
        return pixels.expand(-1, 3, -1, -1).contiguous()
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    grays = [
        (part.float() * weights).sum(1, keepdim=True).round() for part in torch.split(pixels, 1024)
    ]
    return torch.cat(grays).to(torch.uint8)


def _each(
    work: Callable[[Picture], R], pictures: Sequence[Picture], settings: DataSettings
) -> list[R | Unreadable]:
    def safely(picture: Picture) -> R | Unreadable:
        try:
            return work(picture)
        except Unreadable as error:
            return error

    most = _WORKERS_PER_CORE * cores()
    if settings.workers is not None and settings.workers > most:
        raise SettingError(
            f"setting 'workers': {settings.workers}; expected at most {most} on this machine"
        )
    with ThreadPoolExecutor(settings.workers or cores()) as threads:
        return list(threads.map(safely, pictures))


def _extreme(name: str, found: Measured | Unreadable) -> Issue | None:
    if isinstance(found, Unreadable):
        return None
    size = height, width = found.size
    if min(size) < _SMALLEST:
        text = f"only {width}x{height} pixels"
    elif max(size) > _LONGEST * min(size):
        text = f"{width}x{height} pixels: only the middle of so long an image is used"
    else:
        return None
    return Issue("extreme-size", name, text, dropped=False)


def _describe(sizes: Sequence[Size], pixels: Tensor) -> tuple[str, ...]:
    if not len(pixels):
        return ()
    _, channels, height, width = pixels.shape
    color = "color" if channels == 3 else "gray"
    different = Counter(sizes)
    if list(different) == [(height, width)]:
        return (f"all {width}x{height} pixels, {color}",)
    (typical, _), *others = different.most_common()
    was = f"{typical[1]}x{typical[0]}" + (f" and {len(others)} other sizes" if others else "")
    return (f"sizes {was}; brought to {width}x{height} pixels, {color}",)


def conform(pixels: Tensor, size: Size, channels: int) -> Tensor:
    """Decoded images brought to a size (the centered part of its aspect) and channel count."""
    pixels = with_channels(pixels, channels)
    height, width = pixels.shape[2:]
    if (height, width) == size:
        return pixels
    scale = max(size[0] / height, size[1] / width)
    rows, columns = min(height, round(size[0] / scale)), min(width, round(size[1] / scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    middle = pixels[:, :, top : top + rows, left : left + columns]
    parts = [
        F.interpolate(part, size, mode="bilinear", antialias=True)
        for part in torch.split(middle, 1024)
    ]
    return torch.cat(parts)
