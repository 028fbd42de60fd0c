"""Stochastic gradient descent with momentum (Polyak 1964) and Nesterov's form of it."""

from typing import Any

import torch

from descend import settings as s

LEARNING_RATE = 0.1  # He et al. 2015 (arXiv 1512.03385), section 3.4, with batch norm


class Settings(s.Settings):
    momentum: float = s.setting(
        0.9,
        "share of the last step that is kept",
        at_least=0,
        below=1,
        search=(0.8, 0.99, "linear"),
    )
    nesterov: bool = s.setting(True, "look ahead along the momentum (Sutskever et al. 2013)")


def build(
    groups: list[dict[str, Any]], learning_rate: float, settings: Settings
) -> torch.optim.Optimizer:
    nesterov = settings.nesterov and settings.momentum > 0  # torch refuses one without the other
    return torch.optim.SGD(groups, lr=learning_rate, momentum=settings.momentum, nesterov=nesterov)
