"""This file is what was fitted on the training images: enough to read others the same way."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from descend.data.batches import Normalization
from descend.data.data_settings import DataSettings
from descend.data.examples import UNKNOWN_LEVELS, ImageSet, Issue, Levels, Split, Targets
from descend.data.images import Picture, conform, read_as
from descend.data.readers.folder import is_image, walk
from descend.data.reading import match_targets
from descend.errors import DataError
from descend.forms import ImageForm

_CHUNK = 4096  # images counted at once


@dataclass(frozen=True)
class ImagePreprocessing:
    """Size and channels every image is brought to, and the training images' mean and deviation."""

    form: ImageForm
    mean: tuple[float, ...]  # per channel, of pixels as shares 0..1
    std: tuple[float, ...]
    max_pixels: int
    levels: Levels = UNKNOWN_LEVELS

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ImagePreprocessing":
        return cls(
            ImageForm(**values["form"]),
            tuple(values["mean"]),
            tuple(values["std"]),
            values["max_pixels"],
            Levels(**values.get("levels", {})),
        )

    def normalization(
        self, memory_format: torch.memory_format = torch.contiguous_format
    ) -> Normalization:
        return Normalization(self.mean, self.std, memory_format)

    def read_files(
        self, paths: Sequence[Path]
    ) -> tuple[tuple[Tensor], list[str], tuple[Issue, ...]]:
        """Pixels, names and what could not be read, of files and of all images in folders."""
        return self.read_pictures([picture for path in paths for picture in _pictures(path)])

    def read_pictures(
        self, pictures: Sequence[Picture]
    ) -> tuple[tuple[Tensor], list[str], tuple[Issue, ...]]:
        settings = DataSettings(max_pixels=self.max_pixels).with_levels(self.levels)
        decoded = read_as(pictures, self._size, self.form.channels, settings)
        return (decoded.pixels,), [pictures[i].name for i in decoded.kept], decoded.issues

    def to_split(self, images: ImageSet, targets: Targets, where: str) -> Split:
        """Other labeled images in this form, their classes matched by name; `where` begins errors.

        Numbers are standardized as the training targets were.
        """
        if images.targets is None:
            raise DataError(f"{where}: its images have no labels to compare with")
        pixels = conform(images.pixels, self._size, self.form.channels)
        classes = targets.names if targets.kind == "single-label" else ()
        values = match_targets(images, classes, where)
        if targets.kind == "single-label":
            return Split((pixels,), values, images.names)
        values = values.float().reshape(len(values), -1)
        if values.shape[1] != len(targets.names):
            raise DataError(
                f"{where}: {values.shape[1]} numbers per image; expected {len(targets.names)}"
            )
        return Split((pixels,), standardize(values, targets), images.names)

    @property
    def _size(self) -> tuple[int, int]:
        return self.form.height, self.form.width


def fit(pixels: Tensor, max_pixels: int, levels: Levels = UNKNOWN_LEVELS) -> ImagePreprocessing:
    """From the training images alone, uint8 (n, channels, height, width)."""
    form = ImageForm(*pixels.shape[1:])
    mean, std = zip(*(_moments(pixels[:, c]) for c in range(form.channels)), strict=True)
    return ImagePreprocessing(form, mean, std, max_pixels, levels)


def standardize(values: Tensor, targets: Targets) -> Tensor:
    if targets.kind != "number":
        return values
    return (values - torch.tensor(targets.offset)) / torch.tensor(targets.scale)


def _moments(channel: Tensor) -> tuple[float, float]:
    """Mean and deviation from a histogram: whole numbers, so the result is exact in any order."""
    counts = torch.zeros(256, dtype=torch.int64)
    for part in torch.split(channel, _CHUNK):
        counts += torch.bincount(part.flatten().long(), minlength=256)
    shares = counts.double() / counts.sum()
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = (shares * values).sum()
    std = (shares * (values - mean) ** 2).sum().sqrt()
    return float(mean), float(std) or 1.0  # images all of one gray have no deviation


def _pictures(path: Path) -> list[Picture]:
    if path.is_dir():
        found = [Picture(str(file), file) for _, file in walk(path) if is_image(file)]
        if not found:
            raise DataError(f"{path}: no images in it")
        return found
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    return [Picture(str(path), path)]
