"""This file gives scikit-learn's handwritten digits, which are installed with it."""

from pathlib import Path
from typing import Literal

import torch
from sklearn.datasets import load_digits

from descend.data.data_settings import DataSettings
from descend.data.examples import UNGIVEN, ImageSet
from descend.data.readers._labels import describe_classes

KIND: Literal["images", "table"] = "images"
NAME = "digits"
_WHITE = 16  # the largest value of a pixel in this data set


def recognizes(path: Path) -> str:
    return "the embedded digits" if str(path) == NAME and not path.exists() else ""


def read(path: Path, settings: DataSettings, seed: int) -> ImageSet:
    bunch = load_digits()
    values = torch.from_numpy(bunch.images)[:, None]  # (1797, 1, 8, 8), 0..16
    codes = torch.from_numpy(bunch.target).long()
    classes = tuple(str(name) for name in bunch.target_names)
    return ImageSet(
        pixels=(values * (255 / _WHITE)).round().to(torch.uint8),
        targets=codes,
        classes=classes,
        names=[f"digit {i}" for i in range(len(codes))],
        given=torch.full((len(codes),), UNGIVEN, dtype=torch.int8),
        found=(describe_classes(codes, classes), "all 8x8 pixels, gray"),
    )
