"""This file pastes a box of another image, and its share of the target (Yun et al. 2019)."""

import torch
from torch import Tensor

from descend.data.augment._beta import beta
from descend.forms import ImageForm
from descend.settings import Settings as BaseSettings
from descend.settings import setting

STAGE = "mix"


class Settings(BaseSettings):
    cutmix_alpha: float = setting(
        1.0, "how the size of the box varies, both parameters of Beta; 0 is no box",
        at_least=0, at_most=10,
    )  # fmt: skip


OFF = Settings(cutmix_alpha=0.0)


def draw(
    count: int, form: ImageForm, generator: torch.Generator, settings: Settings
) -> dict[str, Tensor]:
    side = (1 - beta(count, settings.cutmix_alpha, generator)).sqrt()  # share of height and width
    top, bottom = _span(form.height, side, generator)
    left, right = _span(form.width, side, generator)
    covered = (bottom - top) * (right - left) / (form.height * form.width)
    return {
        "partner": torch.randperm(count, generator=generator),
        "weight": 1 - covered.float(),
        "top": top, "bottom": bottom, "left": left, "right": right,
    }  # fmt: skip


def _span(length: int, side: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    size = (side * length).long()
    center = torch.randint(length, (len(side),), generator=generator)
    start = center - size // 2
    return start.clamp(0, length), (start + size).clamp(0, length)


def mix(
    images: Tensor, partners: Tensor, parameters: dict[str, Tensor], settings: Settings
) -> Tensor:
    rows = _inside(parameters["top"], parameters["bottom"], images.shape[2])[:, None, :, None]
    columns = _inside(parameters["left"], parameters["right"], images.shape[3])[:, None, None, :]
    return torch.where(rows & columns, partners, images)


def _inside(start: Tensor, stop: Tensor, length: int) -> Tensor:
    place = torch.arange(length, device=start.device)[None]
    return (place >= start[:, None]) & (place < stop[:, None])
