"""This file is stochastic gradient descent with momentum (Polyak 1964; Sutskever et al. 2013)."""

from typing import Any

import torch
from torch.optim import Optimizer

from descend.optim._groups import ready
from descend.settings import Settings as SettingsBase
from descend.settings import setting

LEARNING_RATE = 0.1  # He et al. 2015 (arXiv 1512.03385), batches of 128 to 256


class Settings(SettingsBase):
    momentum: float = setting(
        0.9, "share of the last step that is kept in the next", unit="share", at_least=0, below=1,
        search=(0.5, 0.99, "linear"),
    )  # fmt: skip
    nesterov: bool = setting(True, "take the gradient where momentum is about to lead")


def build(groups: list[dict[str, Any]], learning_rate: float, settings: Settings) -> Optimizer:
    return ready(
        torch.optim.SGD(
            groups,
            learning_rate,
            momentum=settings.momentum,
            nesterov=settings.nesterov and settings.momentum > 0,
            fused=True,
        ),
        adaptive=False,
    )
