"""This file blends each image and its target with another's (Zhang et al. 2018)."""

import torch
from torch import Tensor

from descend.data.augment._beta import beta
from descend.data.augment._step import each
from descend.forms import ImageForm
from descend.settings import Settings as BaseSettings
from descend.settings import setting

STAGE = "mix"


class Settings(BaseSettings):
    mixup_alpha: float = setting(
        0.2, "how much images are blended, both parameters of Beta; 0 is not at all",
        at_least=0, at_most=10,
    )  # fmt: skip


OFF = Settings(mixup_alpha=0.0)


def draw(
    count: int, form: ImageForm, generator: torch.Generator, settings: Settings
) -> dict[str, Tensor]:
    return {
        "partner": torch.randperm(count, generator=generator),
        "weight": beta(count, settings.mixup_alpha, generator),
    }


def mix(
    images: Tensor, partners: Tensor, parameters: dict[str, Tensor], settings: Settings
) -> Tensor:
    return torch.lerp(partners, images, each(parameters["weight"], images))
