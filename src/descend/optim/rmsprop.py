"""RMSprop (Tieleman & Hinton 2012, lecture 6.5): steps divided by a running gradient size."""

from typing import Any

import torch

from descend import settings as s

LEARNING_RATE = 1e-3  # Hinton's lecture


class Settings(s.Settings):
    smoothing: float = s.setting(0.99, "memory of the squared gradient", at_least=0, below=1)
    momentum: float = s.setting(0.0, "share of the last step that is kept", at_least=0, below=1)
    epsilon: float = s.setting(1e-8, "floor of the divisor", above=0)


def build(
    groups: list[dict[str, Any]], learning_rate: float, settings: Settings
) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(
        groups,
        lr=learning_rate,
        alpha=settings.smoothing,
        momentum=settings.momentum,
        eps=settings.epsilon,
    )
