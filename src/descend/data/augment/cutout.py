"""This file covers a square of each image with the image's mean (DeVries and Taylor 2017)."""

import torch
from torch import Tensor

from descend.forms import ImageForm
from descend.settings import Settings as BaseSettings
from descend.settings import setting

STAGE = "erase"


class Settings(BaseSettings):
    cutout_size: int | None = setting(
        None, "side of the square that is covered", unit="pixels", at_least=0, at_most=4096,
        derived="a quarter of the shorter side, 8 of 32 as the authors use for 100 classes",
    )  # fmt: skip


OFF = Settings(cutout_size=0)


def side(form: ImageForm, settings: Settings) -> int:
    shorter = min(form.height, form.width)
    return shorter // 4 if settings.cutout_size is None else settings.cutout_size


def draw(
    count: int, form: ImageForm, generator: torch.Generator, settings: Settings
) -> dict[str, Tensor]:
    # The center may lie at the border, so part of the square may fall outside, as in the paper.
    return {
        "row": torch.randint(form.height, (count,), generator=generator),
        "column": torch.randint(form.width, (count,), generator=generator),
    }


def apply(images: Tensor, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    _, channels, height, width = images.shape
    size = side(ImageForm(channels, height, width), settings)
    rows = _covered(parameters["row"], height, size)[:, None, :, None]
    columns = _covered(parameters["column"], width, size)[:, None, None, :]
    return torch.where(rows & columns, images.mean((2, 3), keepdim=True), images)


def _covered(center: Tensor, length: int, size: int) -> Tensor:
    place = torch.arange(length, device=center.device)[None]  # (1, length)
    start = center[:, None] - size // 2
    return (place >= start) & (place < start + size)
