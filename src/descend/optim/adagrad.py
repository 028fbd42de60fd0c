"""Adagrad (Duchi, Hazan & Singer 2011): each weight's steps shrink with its past gradients."""

from typing import Any

import torch

from descend import settings as s

LEARNING_RATE = 1e-2  # torch's default


class Settings(s.Settings):
    epsilon: float = s.setting(1e-10, "floor of the divisor", above=0)


def build(
    groups: list[dict[str, Any]], learning_rate: float, settings: Settings
) -> torch.optim.Optimizer:
    return torch.optim.Adagrad(groups, lr=learning_rate, eps=settings.epsilon)
