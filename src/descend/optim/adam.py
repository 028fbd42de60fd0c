"""This file is Adam (Kingma, Ba 2014, arXiv 1412.6980)."""

from typing import Any

import torch
from torch.optim import Optimizer

from descend.optim._groups import ready
from descend.settings import Settings as SettingsBase
from descend.settings import setting

LEARNING_RATE = 0.001  # Kingma, Ba 2014, algorithm 1


class Settings(SettingsBase):
    beta1: float = setting(
        0.9, "how slowly the mean of the gradients forgets", unit="share", at_least=0, below=1
    )
    beta2: float = setting(
        0.999, "how slowly the mean of their squares forgets", unit="share", at_least=0, below=1
    )
    epsilon: float = setting(1e-8, "keeps the division by that mean finite", above=0)


def build(groups: list[dict[str, Any]], learning_rate: float, settings: Settings) -> Optimizer:
    betas = (settings.beta1, settings.beta2)
    return ready(
        torch.optim.Adam(groups, learning_rate, betas=betas, eps=settings.epsilon, fused=True)
    )
