"""This file turns arrays of images in the usual layouts and ranges into uint8 pixels."""

from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from descend.errors import DataError

_CHANNELS = (1, 3, 4)


def to_pixels(array: NDArray[Any], where: str) -> Tensor:
    """uint8 (n, 1 or 3, height, width) from NHW, NHWC or NCHW; `where` begins an error."""
    values = _channels_first(array, where)
    if values.dtype.kind not in "iufb":
        raise DataError(f"{where} is of type {array.dtype}; expected numbers")
    if values.dtype != numpy.uint8:
        scale, offset = _range(values, where)
        pixels = numpy.empty(values.shape, numpy.uint8)
        for start in range(0, len(values), 1024):  # in parts, so that no float copy of all is made
            part = values[start : start + 1024].astype(numpy.float32)
            pixels[start : start + 1024] = numpy.rint((part - offset) * scale)
        values = pixels
    tensor = torch.from_numpy(numpy.ascontiguousarray(values))
    return _on_white(tensor) if tensor.shape[1] == 4 else tensor


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


def _range(values: NDArray[Any], where: str) -> tuple[float, float]:
    """Factor and offset that bring values to 0..255: 0..1, -1..1, 0..255 or 0..65535."""
    if values.dtype.kind == "b":
        return 255.0, 0.0
    low, high = float(values.min()), float(values.max())
    if not numpy.isfinite([low, high]).all():
        bad = ~numpy.isfinite(values).reshape(len(values), -1).all(axis=1)
        raise DataError(f"{where}: image {int(bad.argmax()) + 1} holds NaN or infinite values")
    if values.dtype.kind == "f" and high <= 1 and low >= -1:
        return (255.0, 0.0) if low >= 0 else (127.5, -1.0)
    if low >= 0 and high <= 255:
        return 1.0, 0.0
    if low >= 0 and high <= 65535 and values.dtype.kind in "iu":
        return 255 / 65535, 0.0
    raise DataError(
        f"{where} holds values from {low:g} to {high:g}; expected 0 to 1, -1 to 1 or 0 to 255 "
        "(undo a standardization: it is done from the training images here)"
    )


def _on_white(pixels: Tensor) -> Tensor:
    shown = []
    for part in torch.split(pixels, 1024):
        alpha = part[:, 3:].float() / 255
        shown.append((part[:, :3] * alpha + 255 * (1 - alpha)).round().to(torch.uint8))
    return torch.cat(shown)
