"""This file shifts images: a window of the old size at a random place of the padded image."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from descend.forms import ImageForm
from descend.settings import Settings as BaseSettings
from descend.settings import setting

STAGE = "move"


class Settings(BaseSettings):
    crop_padding: int | None = setting(
        None, "largest shift to each side", unit="pixels", at_least=0, at_most=512,
        derived="an eighth of the shorter side, as He et al. 2016 use on CIFAR-10",
    )  # fmt: skip
    crop_fill: Literal["reflect", "zero", "edge"] = setting(
        "reflect", "what is seen beyond the border of an image"
    )


OFF = Settings(crop_padding=0)
_MODES = {"reflect": "reflect", "zero": "constant", "edge": "replicate"}


def padding(form: ImageForm, settings: Settings) -> int:
    side = min(form.height, form.width)
    asked = side // 8 if settings.crop_padding is None else settings.crop_padding
    return min(asked, side - 1)  # a border can be mirrored only as far as there are pixels


def draw(
    count: int, form: ImageForm, generator: torch.Generator, settings: Settings
) -> dict[str, Tensor]:
    places = 2 * padding(form, settings) + 1
    return {
        "down": torch.randint(places, (count,), generator=generator),
        "right": torch.randint(places, (count,), generator=generator),
    }


def apply(images: Tensor, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    n, channels, height, width = images.shape
    pad = padding(ImageForm(channels, height, width), settings)
    if pad == 0:
        return images
    padded = F.pad(images, [pad] * 4, mode=_MODES[settings.crop_fill])
    windows = padded.unfold(2, height, 1).unfold(
        3, width, 1
    )  # (n, c, places, places, h, w), a view
    rows = torch.arange(n, device=images.device)
    return windows[rows, :, parameters["down"], parameters["right"]]
