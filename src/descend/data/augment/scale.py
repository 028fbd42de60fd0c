"""This file brings images nearer or farther and changes their aspect."""

import math

import torch
from torch import Tensor

from descend.data.augment._step import uniform
from descend.forms import ImageForm
from descend.settings import Settings as BaseSettings
from descend.settings import setting

STAGE = "warp"


class Settings(BaseSettings):
    scale_change: float = setting(
        0.15, "largest share by which an image grows or shrinks", unit="share",
        at_least=0, at_most=3,
    )  # fmt: skip
    scale_aspect: float = setting(
        0.0, "largest share by which the aspect changes beside that", unit="share",
        at_least=0, at_most=3,
    )  # fmt: skip


OFF = Settings(scale_change=0.0, scale_aspect=0.0)


def draw(
    count: int, form: ImageForm, generator: torch.Generator, settings: Settings
) -> dict[str, Tensor]:
    # Even in the logarithm: growing by a factor is as likely as shrinking by it.
    size, aspect = math.log1p(settings.scale_change), math.log1p(settings.scale_aspect)
    return {
        "size": uniform(count, -size, size, generator),
        "aspect": uniform(count, -aspect, aspect, generator),
    }


def matrices(parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    size, half = parameters["size"], parameters["aspect"] / 2
    # From output to input, so an image that grows looks up nearer to the center.
    scales = torch.stack([-(size + half), -(size - half)], dim=1).exp()
    return torch.diag_embed(scales)
