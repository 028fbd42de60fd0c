"""This file is LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998): the first convolutional classic.

Two 5x5 convolutions with subsampling, then 120-84-outputs. The original takes 32x32; a side
shorter than that is padded by 2, which makes 28x28 what the paper makes of it. 61,706 parameters
for ten classes on 28x28 or 32x32 gray images.
"""

from typing import Literal

from torch import nn

from descend.forms import Form
from descend.models._smallest import require_images
from descend.settings import Settings as SettingsBase
from descend.settings import setting

INPUTS = frozenset({"images"})
SMALLEST = 12  # pixels: padded by 2, then 12 -> 6 -> 2 -> 1


class Settings(SettingsBase):
    activation: Literal["tanh", "relu"] = setting("tanh", "nonlinearity; the paper's is tanh")
    pooling: Literal["average", "max"] = setting(
        "average", "subsampling of 2x2; the paper's is the average"
    )


def build(settings: Settings, form: Form, outputs: int) -> nn.Module:
    image = require_images(form, "lenet5", SMALLEST)
    activation = {"tanh": nn.Tanh, "relu": nn.ReLU}[settings.activation]
    pool = {"average": nn.AvgPool2d, "max": nn.MaxPool2d}[settings.pooling]
    padding = (_padding(image.height), _padding(image.width))
    features = 16 * _side(image.height) * _side(image.width)
    return nn.Sequential(
        nn.Conv2d(image.channels, 6, 5, padding=padding), activation(), pool(2),
        nn.Conv2d(6, 16, 5), activation(), pool(2), nn.Flatten(),
        nn.Linear(features, 120), activation(), nn.Linear(120, 84), activation(),
        nn.Linear(84, outputs),
    )  # fmt: skip


def _padding(side: int) -> int:
    return 2 if side < 32 else 0


def _side(side: int) -> int:
    """Length of a side after both convolutions and poolings."""
    first = (side + 2 * _padding(side) - 4) // 2
    return (first - 4) // 2
