"""This file changes brightness, contrast and saturation."""

import torch
from torch import Tensor

from descend.data.augment._step import each, uniform
from descend.forms import ImageForm
from descend.settings import Settings as BaseSettings
from descend.settings import setting

STAGE = "color"
_LUMA = (0.299, 0.587, 0.114)  # weights of red, green, blue in brightness, ITU-R BT.601


class Settings(BaseSettings):
    color_brightness: float = setting(
        0.2, "largest change of brightness", unit="share", at_least=0, at_most=1
    )
    color_contrast: float = setting(
        0.2, "largest change of contrast", unit="share", at_least=0, at_most=1
    )
    color_saturation: float = setting(
        0.2, "largest change of saturation, where there is color", unit="share",
        at_least=0, at_most=1,
    )  # fmt: skip


OFF = Settings(color_brightness=0.0, color_contrast=0.0, color_saturation=0.0)


def draw(
    count: int, form: ImageForm, generator: torch.Generator, settings: Settings
) -> dict[str, Tensor]:
    spans = {
        "brightness": settings.color_brightness,
        "contrast": settings.color_contrast,
        "saturation": settings.color_saturation,
    }
    return {name: uniform(count, 1 - s, 1 + s, generator) for name, s in spans.items()}


def apply(images: Tensor, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    if images.shape[1] == 3:
        red, green, blue = images.split(1, dim=1)  # type: ignore[no-untyped-call]
        gray = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
        images = _blend(images, gray, parameters["saturation"])
    mean = images.mean((1, 2, 3), keepdim=True)
    images = _blend(images, mean, parameters["contrast"])
    return (images * each(parameters["brightness"], images)).clamp(0, 1)


def _blend(images: Tensor, other: Tensor, share: Tensor) -> Tensor:
    own = each(share, images)
    return images * own + other * (1 - own)
