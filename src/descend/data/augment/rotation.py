"""This file turns images about their center."""

import torch
from torch import Tensor

from descend.data.augment._step import uniform
from descend.forms import ImageForm
from descend.settings import Settings as BaseSettings
from descend.settings import setting

STAGE = "warp"


class Settings(BaseSettings):
    rotation_degrees: float = setting(
        10.0, "largest turn to either side", unit="degrees", at_least=0, at_most=180
    )


OFF = Settings(rotation_degrees=0.0)


def draw(
    count: int, form: ImageForm, generator: torch.Generator, settings: Settings
) -> dict[str, Tensor]:
    largest = settings.rotation_degrees * torch.pi / 180
    return {"radians": uniform(count, -largest, largest, generator)}


def matrices(parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    cosine, sine = parameters["radians"].cos(), parameters["radians"].sin()
    return torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)
