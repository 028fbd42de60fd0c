"""This file mirrors images left to right."""

import torch
from torch import Tensor

from descend.data.augment._step import each
from descend.forms import ImageForm
from descend.settings import Settings as BaseSettings
from descend.settings import setting

STAGE = "move"


class Settings(BaseSettings):
    flip_probability: float = setting(
        0.5, "how often an image is mirrored left to right", unit="share", at_least=0, at_most=1
    )


OFF = Settings(flip_probability=0.0)


def draw(
    count: int, form: ImageForm, generator: torch.Generator, settings: Settings
) -> dict[str, Tensor]:
    return {"mirrored": torch.rand(count, generator=generator) < settings.flip_probability}


def apply(images: Tensor, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    mirrored = each(parameters["mirrored"], images).bool()
    return torch.where(mirrored, images.flip(3), images)
