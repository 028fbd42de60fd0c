"""This file is RMSprop (Tieleman, Hinton 2012, lecture 6.5)."""

from typing import Any

import torch
from torch.optim import Optimizer

from descend.optim._groups import ready
from descend.settings import Settings as SettingsBase
from descend.settings import setting

LEARNING_RATE = 0.001  # the lecture's


class Settings(SettingsBase):
    smoothing: float = setting(
        0.9, "how slowly the mean of the squared gradients forgets", unit="share", at_least=0,
        below=1,
    )  # fmt: skip
    momentum: float = setting(
        0.0, "share of the last step that is kept in the next", unit="share", at_least=0, below=1
    )
    epsilon: float = setting(1e-8, "keeps the division by that mean finite", above=0)


def build(groups: list[dict[str, Any]], learning_rate: float, settings: Settings) -> Optimizer:
    return ready(
        torch.optim.RMSprop(
            groups,
            learning_rate,
            alpha=settings.smoothing,
            eps=settings.epsilon,
            momentum=settings.momentum,
        )
    )
