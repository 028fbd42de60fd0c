"""This file turns arrays of images in the usual layouts and ranges into uint8 pixels."""

from collections.abc import Mapping
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from descend.data.examples import Issue, Levels
from descend.data.image_decoding import float_range, whole_white
from descend.errors import DataError

_CHANNELS = (1, 3, 4)
_LARGEST_REAL = 255.0
_LARGEST_WHOLE = 65535.0


def choose_levels(arrays: Mapping[str, NDArray[Any]]) -> Levels:
    """One choice for all arrays of a file; the keys begin errors."""
    whole = [_extent(array, where) for where, array in arrays.items() if _is_wide(array)]
    real = [_extent(array, where) for where, array in arrays.items() if array.dtype.kind == "f"]
    white = whole_white(max(high for _, high in whole)) if whole else None
    if not real:
        return Levels(white)
    low, high = float_range(min(low for low, _ in real), max(high for _, high in real))
    return Levels(white, low, high)


def to_pixels(array: NDArray[Any], where: str, levels: Levels) -> Tensor:
    """uint8 (n, 1 or 3, height, width) from NHW, NHWC or NCHW; `where` begins an error."""
    values = _channels_first(array, where)
    if values.dtype.kind not in "iufb":
        raise DataError(f"{where} is of type {array.dtype}; expected numbers")
    if values.dtype != numpy.uint8:
        low, high = _range(values, where, levels)
        pixels = numpy.empty(values.shape, numpy.uint8)
        for start in range(0, len(values), 1024):  # in parts, so that no float copy of all is made
            part = values[start : start + 1024].astype(numpy.float32)
            pixels[start : start + 1024] = numpy.rint((part - low) * (255 / (high - low))).clip(
                0, 255
            )
        values = pixels
    tensor = torch.from_numpy(numpy.ascontiguousarray(values))
    return _on_white(tensor) if tensor.shape[1] == 4 else tensor


def find_beyond_white(arrays: Mapping[str, NDArray[Any]], levels: Levels) -> tuple[Issue, ...]:
    """Arrays brighter than those that the levels were chosen from."""
    white = levels.white or 0.0
    peaks = {where: _extent(array, where)[1] for where, array in arrays.items() if _is_wide(array)}
    return tuple(
        Issue("beyond-white", where, f"values up to {peak:g}, white is {white:g}", False)
        for where, peak in peaks.items()
        if peak > white
    )


def _channels_first(array: NDArray[Any], where: str) -> NDArray[Any]:
    if array.ndim == 3:
        return array[:, None]
    if array.ndim == 4 and array.shape[3] in _CHANNELS and array.shape[1] not in _CHANNELS:
        return array.transpose(0, 3, 1, 2)
    if array.ndim == 4 and array.shape[1] in _CHANNELS:
        return array
    raise DataError(
        f"{where} has shape {array.shape}; expected (images, height, width), "
        "(images, height, width, channels) or (images, channels, height, width) with "
        "1, 3 or 4 channels"
    )


def _range(values: NDArray[Any], where: str, levels: Levels) -> tuple[float, float]:
    """What becomes 0 and 255. DataError for values outside."""
    if values.dtype.kind == "b":
        return 0.0, 1.0
    low, high = (0.0, levels.white) if _is_wide(values) else (levels.low, levels.high)
    assert low is not None and high is not None, "chosen for the arrays of the file"
    smallest, largest = _extent(values, where)
    is_real = values.dtype.kind == "f"
    # Whole numbers above white show white, as an overexposed sensor does.
    most = _LARGEST_REAL if is_real else _LARGEST_WHOLE
    if smallest < low or max(high, largest) > most or (is_real and largest > high):
        here = f", as in the other data ({low:g} to {high:g})" if high <= most else ""
        raise DataError(
            f"{where} holds values from {smallest:g} to {largest:g}; expected 0 to 1, -1 to 1 or "
            f"0 to 255{here}; undo a standardization: it is done from the training images here"
        )
    return low, high


def _is_wide(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "iu" and array.dtype != numpy.uint8


def _extent(values: NDArray[Any], where: str) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if not numpy.isfinite([low, high]).all():
        bad = ~numpy.isfinite(values).reshape(len(values), -1).all(axis=1)
        raise DataError(f"{where}: image {int(bad.argmax()) + 1} holds NaN or infinite values")
    return low, high


def _on_white(pixels: Tensor) -> Tensor:
    shown = []
    for part in torch.split(pixels, 1024):
        alpha = part[:, 3:].float() / 255
        shown.append((part[:, :3] * alpha + 255 * (1 - alpha)).round().to(torch.uint8))
    return torch.cat(shown)
