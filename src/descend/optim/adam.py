"""Adam (Kingma & Ba 2014, arXiv 1412.6980); weight decay is added to the gradient."""

from typing import Any

import torch

from descend import settings as s

LEARNING_RATE = 1e-3  # the paper's


class Settings(s.Settings):
    beta1: float = s.setting(0.9, "memory of the mean gradient", at_least=0, below=1)
    beta2: float = s.setting(0.999, "memory of the squared gradient", at_least=0, below=1)
    epsilon: float = s.setting(1e-8, "floor of the divisor", above=0)


def build(
    groups: list[dict[str, Any]], learning_rate: float, settings: Settings
) -> torch.optim.Optimizer:
    betas = (settings.beta1, settings.beta2)
    return torch.optim.Adam(groups, lr=learning_rate, betas=betas, eps=settings.epsilon)
